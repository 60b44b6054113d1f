"""Executes a notebook, cell by cell, in this process; the executed notebook and its pictures are its results.

    python3 fumehood_notebook.py NOTEBOOK [ARGUMENT …]

Stops at the first cell that fails, as `jupyter execute` does, having written what
there is until then; cells tagged `raises-exception` may fail. IPython does the work.
"""

import base64
import builtins
import json
import os
import sys

MOST_STREAMED = 1 << 20  # characters that one cell prints into the notebook; the job's log has its own limit
MOST_SHOWN = 8 << 20  # characters or bytes of one output in one format
_SUFFIX = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg"}


class Unusable(Exception):
    """This is no notebook that can be executed here."""


class _Outputs:
    """What the running cell shows, in its order, as the notebook format has it."""

    def __init__(self):
        self._shown = {}  # by display_id, for updates
        self.begin(0)

    def begin(self, number):
        self._number, self.found, self._room = number, [], MOST_STREAMED

    def clear(self):
        self.begin(self._number)

    def stream(self, name, text):
        if self._room <= 0 or not text:
            return
        kept = text[: self._room]
        self._room -= len(kept)
        if not self._room:
            kept += "\n[the rest is not shown here]\n"
        if not self.found or self.found[-1].get("name") != name:
            self.found.append({"output_type": "stream", "name": name, "text": []})
        self.found[-1]["text"].append(kept)

    def display(self, data, metadata, display_id=None, update=False):
        content = {"data": _bundle(data), "metadata": _json(metadata or {})}
        if update and display_id in self._shown:
            self._shown[display_id].update(content)
            return
        self.found.append({"output_type": "display_data", **content})
        if display_id is not None:
            self._shown[display_id] = self.found[-1]

    def result(self, data, metadata):
        content = {"data": _bundle(data), "metadata": _json(metadata or {})}
        self.found.append({"output_type": "execute_result", "execution_count": self._number, **content})

    def error(self, kind, value, lines):
        self.found.append({"output_type": "error", "ename": kind, "evalue": value, "traceback": lines})

    def end(self):
        """Return the outputs; printed text as lines, as other programs write it."""
        for output in self.found:
            if output["output_type"] == "stream":
                output["text"] = "".join(output["text"]).splitlines(True)
        return self.found


class _Tee:
    """Shows what the notebook prints, and keeps it."""

    def __init__(self, stream, name, outputs):
        self._stream, self._name, self._outputs = stream, name, outputs

    def write(self, text):
        written = self._stream.write(text)
        self._outputs.stream(self._name, text)
        return written

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def _bundle(data):
    """Return an output in all its formats; what is too large for a notebook is told, not kept."""
    shown = {}
    for kind, value in data.items():
        if isinstance(value, (str, bytes)) and len(value) > MOST_SHOWN:
            shown["text/plain"] = shown.get("text/plain", f"[{kind}: too large to be kept here]")
        elif isinstance(value, bytes):
            shown[kind] = base64.b64encode(value).decode()
        elif kind.endswith("json"):
            shown[kind] = _json(value)
        else:
            shown[kind] = value if isinstance(value, str) else str(value)
    return shown


def _json(value):
    return json.loads(json.dumps(value, default=str))


def _shell(outputs):
    """Return IPython's shell, with displays and results going to `outputs`."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """There is no display to wait for."""

        def _showtraceback(self, kind, value, lines):
            outputs.error(kind.__name__, str(value), [str(line) for line in lines])
            print("\n".join(outputs.found[-1]["traceback"]), file=sys.__stderr__)

        def system(self, command):
            """Run `!command`; IPython would need a terminal for it."""
            self.user_ns["_exit_code"] = _run(self.var_expand(command, depth=1))

        def ask_exit(self):
            raise SystemExit

    class Publisher(DisplayPublisher):
        def publish(self, data, metadata=None, *_, transient=None, update=False, **__):
            outputs.display(data, metadata, (transient or {}).get("display_id"), update)

        def clear_output(self, wait=False):
            outputs.clear()

    class Hook(DisplayHook):
        def write_format_data(self, data, metadata=None):
            outputs.result(data, metadata)

        def write_output_prompt(self):
            pass

        def finish_displayhook(self):
            pass

    Shell.display_pub_class = Publisher
    Shell.displayhook_class = Hook
    config = Config()
    config.HistoryManager.enabled = False
    shell = Shell.instance(config=config)
    shell.run_line_magic("colors", "nocolor")
    return shell


def _run(line):
    """Run a line of shell, printing what it prints; return its exit code."""
    from subprocess import PIPE, STDOUT, Popen

    with Popen(line, shell=True, stdout=PIPE, stderr=STDOUT, errors="replace") as process:  # noqa: S602 - what it is for  # nosec B602
        for text in process.stdout:
            print(text, end="")
    return process.returncode


def _ask(prompt="", *_):
    raise EOFError(f"nobody is there to answer {str(prompt)!r}; give values as parameters (/inputs/parameters.json)")


def execute(notebook, arguments, done):
    """Run all cells of `notebook` (the document) in place, calling `done` with each; return the number and error of the one that failed."""
    if _has("matplotlib_inline"):
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    outputs = _Outputs()
    shell = _shell(outputs)
    sys.argv = arguments
    builtins.input = _ask
    sys.stdout, sys.stderr = _Tee(sys.stdout, "stdout", outputs), _Tee(sys.stderr, "stderr", outputs)
    for number, cell in enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), 1):
        outputs.begin(number)
        shell.execution_count = number  # an empty cell counts too
        ran = shell.run_cell("".join(cell["source"]), store_history=True)
        cell["outputs"], cell["execution_count"] = outputs.end(), number
        done(cell)
        failure = ran.error_before_exec or ran.error_in_exec
        if failure is not None and "raises-exception" not in cell["metadata"].get("tags", []):
            return number, failure
    return None


def _has(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


def read(path):
    """Return the notebook of a file, its fields of the types that they must have.

    Raises:
        Unusable: and why.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            notebook = json.load(file)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"this is no notebook: {error}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise Unusable("this is no notebook: it says nothing of its format")
    if notebook["nbformat"] != 4:
        raise Unusable(f"it is of format {notebook['nbformat']}, and format 4 is executed; `jupyter nbconvert --to notebook` converts it")
    metadata = notebook.setdefault("metadata", {})
    language = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = language.get("language", "python") if isinstance(language, dict) else "python"
    if language != "python":
        raise Unusable(f"its language is {language!r}, and this is Python")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise Unusable("it has no list of cells")
    for number, cell in enumerate(cells, 1):
        _check(cell, number)
    return notebook


def _check(cell, number):
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        raise Unusable(f"cell {number} of all is no cell")
    source, metadata = cell.setdefault("source", ""), cell.setdefault("metadata", {})
    if not isinstance(source, str) and not (isinstance(source, list) and all(isinstance(line, str) for line in source)):
        raise Unusable(f"the source of cell {number} of all is no text")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("tags", []), list):
        raise Unusable(f"the metadata of cell {number} of all are none")


class _Results:
    """Writes what comes of a notebook; a file that the notebook itself wrote is left alone."""

    def __init__(self, folder, stem):
        self._folder, self._stem, self._pictures = folder, stem, 0

    def pictures(self, cell):
        """Write the pictures of an executed cell, so that they are there whatever becomes of the next."""
        for output in cell["outputs"]:
            data = output.get("data", {})
            kind = next((kind for kind in _SUFFIX if kind in data), None)
            if kind is not None:
                self._pictures += 1
                content = data[kind].encode() if kind == "image/svg+xml" else base64.b64decode(data[kind])
                self._write(f"-{self._pictures}{_SUFFIX[kind]}", content)

    def notebook(self, document):
        """Write the executed notebook."""
        text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        self._write(".ipynb", text.encode(errors="replace"))

    def _write(self, suffix, content):
        path = os.path.join(self._folder, self._stem + suffix)
        if os.path.lexists(path):
            print(f"{path} is there already, and stays as it is", file=sys.stderr)
            return
        with open(path, "xb") as file:
            file.write(content)


def _line(failure, number):
    """Return where in the notebook: the deepest line of a cell."""
    deepest, step = None, failure.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if name.startswith(f"<ipython-input-{number}-"):
            deepest = step.tb_lineno
        step = step.tb_next
    return f"cell {number}" if deepest is None else f"cell {number}, line {deepest}"


def main(arguments):
    """Return the exit code."""
    path = arguments[0]
    try:
        notebook = read(path)
    except Unusable as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    stem = os.path.splitext(os.path.basename(path))[0]
    results = _Results(os.environ.get("FUMEHOOD_OUTPUTS", "/outputs"), stem)
    failed = execute(notebook, arguments, results.pictures)
    results.notebook(notebook)
    if failed is None:
        return 0
    number, failure = failed
    if isinstance(failure, SystemExit):
        raise failure
    print(f"{_line(failure, number)}: {type(failure).__name__}: {failure}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
