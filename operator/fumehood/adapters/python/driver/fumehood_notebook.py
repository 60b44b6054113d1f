"""Executes a notebook, cell by cell, in this process; the executed notebook and its figures are its results.

    python3 fumehood_notebook.py NOTEBOOK [ARGUMENT …]

Stops at the first cell that fails, as `jupyter execute` does, having written what
there is until then; cells tagged `raises-exception` may fail. IPython does the work.
"""

import base64
import json
import os
import sys

LARGEST_OUTPUT = 1 << 20  # characters of one stream of one cell
_RICH = ("image/png", "image/jpeg", "image/svg+xml", "text/html", "text/markdown", "text/latex", "application/json", "text/plain")
_SUFFIX = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg"}


class _Tee:
    """Shows what a cell prints, and keeps it for the notebook."""

    def __init__(self, stream):
        self._stream = stream
        self.kept = []

    def write(self, text):
        self.kept.append(text)
        return self._stream.write(text)

    def __getattr__(self, name):
        return getattr(self._stream, name)


class _Outputs:
    """The outputs of the cell that is running, as the notebook format has them."""

    def __init__(self):
        self.found = []

    def display(self, data, metadata=None):
        shown = {kind: _lines(kind, data[kind]) for kind in _RICH if kind in data}
        self.found.append({"output_type": "display_data", "data": shown, "metadata": metadata or {}})

    def result(self, number, data, metadata=None):
        shown = {kind: _lines(kind, data[kind]) for kind in _RICH if kind in data}
        entry = {"output_type": "execute_result", "execution_count": number, "data": shown, "metadata": metadata or {}}
        self.found.append(entry)

    def stream(self, name, parts):
        text = "".join(parts)[:LARGEST_OUTPUT]
        if text:
            self.found.insert(0, {"output_type": "stream", "name": name, "text": text.splitlines(True)})

    def error(self, kind, value, lines):
        self.found.append({"output_type": "error", "ename": kind, "evalue": value, "traceback": lines})


def _lines(kind, value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.splitlines(True) if isinstance(value, str) and not kind.startswith("image/p") else value


def _shell(outputs):
    """Return IPython's shell, with displays and results going to `outputs`."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """There is no display to wait for."""

        def _showtraceback(self, kind, value, lines):
            outputs().error(kind.__name__, str(value), [*lines])
            print("\n".join(lines), file=sys.stderr)

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, **_):
            outputs().display(data, metadata)

    class Hook(DisplayHook):
        def write_format_data(self, data, metadata=None):
            outputs().result(self.shell.execution_count, data, metadata)

        def write_output_prompt(self):
            pass

        def finish_displayhook(self):
            pass

    Shell.display_pub_class = Publisher
    Shell.displayhook_class = Hook
    shell = Shell.instance(colors="NoColor")
    shell.history_manager.enabled = False
    if _has("matplotlib_inline"):
        shell.enable_matplotlib("inline")
    return shell


def execute(notebook, arguments):
    """Run all cells of `notebook` (the document) in place; return the error that ended it, or None."""
    current = _Outputs()
    shell = _shell(lambda: current)
    sys.argv = arguments
    number = 0
    for cell in notebook.get("cells", []):
        if cell.get("cell_type") != "code":
            continue
        number += 1
        current = _Outputs()
        out, err = _Tee(sys.stdout), _Tee(sys.stderr)
        sys.stdout, sys.stderr = out, err
        try:
            ran = shell.run_cell("".join(cell.get("source", "")), store_history=True)
        finally:
            sys.stdout, sys.stderr = out._stream, err._stream
        failure = ran.error_before_exec or ran.error_in_exec
        current.stream("stderr", err.kept)
        current.stream("stdout", out.kept)
        cell["outputs"], cell["execution_count"] = current.found, number
        if failure is not None and "raises-exception" not in cell.get("metadata", {}).get("tags", []):
            return number, failure
    return None


def _has(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


def _figures(notebook):
    """Yield the pictures of an executed notebook: a number, a suffix, the bytes."""
    number = 0
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            for kind, suffix in _SUFFIX.items():
                if kind in data:
                    number += 1
                    content = "".join(data[kind]) if isinstance(data[kind], list) else data[kind]
                    yield number, suffix, content.encode() if kind == "image/svg+xml" else base64.b64decode(content)
                    break


def main(arguments):
    """Return the exit code."""
    path = arguments[0]
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    if notebook.get("nbformat") != 4:
        print("{}: notebooks of format 4 are executed; this one says {!r}".format(path, notebook.get("nbformat")), file=sys.stderr)
        return 2
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    failed = execute(notebook, arguments)
    stem = os.path.splitext(os.path.basename(path))[0]
    folder = os.environ.get("FUMEHOOD_OUTPUTS", "/outputs")
    with open(os.path.join(folder, stem + ".ipynb"), "w", encoding="utf-8") as file:
        json.dump(notebook, file, ensure_ascii=False, indent=1, sort_keys=True)
    for number, suffix, content in _figures(notebook):
        with open(os.path.join(folder, f"{stem}-{number}{suffix}"), "wb") as file:
            file.write(content)
    if failed is None:
        return 0
    number, failure = failed
    print(f"cell {number}: {type(failure).__name__}: {failure}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
