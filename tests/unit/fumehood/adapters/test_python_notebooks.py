"""Notebooks are executed as they would be elsewhere, and what comes of them is a notebook."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from unit.fumehood.adapters.sandbox import Sandbox, notebook

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def execute(sandbox: Sandbox, *cells: str | list[str], **options: Any) -> list[list[dict[str, Any]]]:
    """Run a notebook; return the outputs of its cells, having checked that it is valid."""
    sandbox.run({"study.ipynb": notebook(*cells, **options)}, check=False)
    document = json.loads(sandbox.left()["study.ipynb"])
    nbformat.validate(document)
    return [cell["outputs"] for cell in document["cells"]]


def test_a_cells_outputs_keep_their_order(sandbox: Sandbox) -> None:
    code = "import sys\nprint('a')\ndisplay('b')\nprint('c', file=sys.stderr)\nprint('d'); print('e')\n6 * 7"
    (outputs,) = execute(sandbox, code)
    assert [(one["output_type"], one.get("name"), one.get("text") or one["data"]["text/plain"]) for one in outputs] == [
        ("stream", "stdout", ["a\n"]),
        ("display_data", None, "'b'"),
        ("stream", "stderr", ["c\n"]),
        ("stream", "stdout", ["d\n", "e\n"]),
        ("execute_result", None, "42"),
    ]
    assert outputs[-1]["execution_count"] == 1


RICH = {
    "html": ("from IPython.display import HTML\nHTML('<b>x</b>')", "text/html"),
    "svg": ("from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')", "image/svg+xml"),
    "latex": ("from IPython.display import Latex\nLatex('$x$')", "text/latex"),
    "png": (PLOT, "image/png"),
    "inline": ("%matplotlib inline\n" + PLOT, "image/png"),
    "plotly": ("display({'application/vnd.plotly.v1+json': {'data': [{1}]}}, raw=True)", "application/vnd.plotly.v1+json"),
    "javascript": ("from IPython.display import Javascript\nJavascript('1')", "application/javascript"),
    "own": ("class A:\n    def _repr_markdown_(self): return '*a*'\nA()", "text/markdown"),
}


@pytest.mark.parametrize("kind", RICH)
def test_rich_outputs(sandbox: Sandbox, kind: str) -> None:
    code, mime = RICH[kind]
    (outputs,) = execute(sandbox, code)
    shown = [one["data"] for one in outputs if one["output_type"] != "stream"]  # matplotlib says so if it is slow
    assert [mime in data for data in shown] == [True]


def test_pictures_are_artifacts_of_their_own_whatever_comes_later(sandbox: Sandbox) -> None:
    svg = "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')"
    sandbox.run({"study.ipynb": notebook(PLOT, svg, "import os; os._exit(9)")}, check=False)
    left = sandbox.left()
    assert list(left) == ["study-1.png", "study-2.svg"]
    assert left["study-1.png"].startswith(b"\x89PNG") and b"<svg" in left["study-2.svg"]


def test_what_the_notebook_wrote_itself_stays(sandbox: Sandbox) -> None:
    done = sandbox.run({"study.ipynb": notebook("import os\nopen(os.environ['FUMEHOOD_OUTPUTS'] + '/study.ipynb', 'w').write('own')")})
    assert sandbox.left() == {"study.ipynb": b"own"}
    assert "stays as it is" in done.stderr


def test_it_stops_at_the_first_error_and_says_where(sandbox: Sandbox) -> None:
    files = {"study.ipynb": notebook("def f(x):\n    return 1 / x", "print('before')\n\nf(0)", "print('never')")}
    done = sandbox.run(files, check=False)
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert done.stderr.splitlines()[-1] == "cell 2, line 3: ZeroDivisionError: division by zero"
    document = json.loads(sandbox.left()["study.ipynb"])
    nbformat.validate(document)
    assert [cell["execution_count"] for cell in document["cells"]] == [1, 2, None]
    assert document["cells"][1]["outputs"][-1]["ename"] == "ZeroDivisionError"


def test_cells_may_be_told_to_fail(sandbox: Sandbox) -> None:
    outputs = execute(sandbox, "1 / 0", "print('after')", tags={0: ["raises-exception"]})
    assert outputs[1] == [{"output_type": "stream", "name": "stdout", "text": ["after\n"]}]


@pytest.mark.parametrize(("code", "exit_code"), [("exit()", 0), ("import sys; sys.exit(3)", 3), ("x = =", 1), ("input('who?')", 1)])
def test_how_it_ends(sandbox: Sandbox, code: str, exit_code: int) -> None:
    done = sandbox.run({"study.ipynb": notebook(code)}, check=False)
    assert done.returncode == exit_code
    assert "study.ipynb" in sandbox.left()
    if "input" in code:
        assert "nobody is there to answer 'who?'" in done.stderr


def test_magics_shell_async_and_sources_of_both_kinds(sandbox: Sandbox) -> None:
    outputs = execute(
        sandbox,
        ["x = 1\n", "print(x)"],
        "!echo shell; exit 3",
        "_exit_code",
        "%env TZ",
        "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
        "",
        "%%capture kept\nprint('hidden')",
        "kept.stdout",
        "from IPython.display import clear_output\nprint('gone'); clear_output(); print('stays')",
        "handle = display('old', display_id=True)\nhandle.update('new')",
    )
    texts = [["".join(one["text"]) if "text" in one else one["data"]["text/plain"] for one in cell] for cell in outputs]
    assert texts[:4] == [["1\n"], ["shell\n"], ["3"], ["'UTC'"]]
    assert texts[4:] == [["'awaited'"], [], [], ["'hidden\\n'"], ["stays\n"], ["'new'"]]


def test_it_is_a_program_like_others(sandbox: Sandbox) -> None:
    files = {
        "sub/study.ipynb": notebook(
            "import sys, os, part\nprint(__name__, sys.argv, part.X, [e for e in sys.path if '.fumehood' in e])",
            "import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))).__name__",
        ),
        "sub/part.py": "X = 'found'",
    }
    done = sandbox.run(files, "--fast")
    assert done.stdout == "__main__ ['sub/study.ipynb', '--fast'] found []\n"


def test_cells_that_print_much_are_cut_in_the_notebook_only(sandbox: Sandbox) -> None:
    done = sandbox.run({"study.ipynb": notebook("print('x' * (3 << 20))", "from IPython.display import HTML\nHTML('y' * (9 << 20))")})
    assert len(done.stdout) == (3 << 20) + 1
    document = json.loads(sandbox.left()["study.ipynb"])
    nbformat.validate(document)
    assert "the rest is not shown here" in document["cells"][0]["outputs"][0]["text"][-1]
    assert len(sandbox.left()["study.ipynb"]) < 2 << 20


def test_the_same_notebook_is_the_same_bytes(sandbox: Sandbox) -> None:
    files = {"study.ipynb": notebook("print(1)", PLOT, "%config InlineBackend.figure_formats = ['svg']\n" + PLOT, "1 / 0")}
    runs = []
    for _ in range(2):
        sandbox.run(files, check=False, seed=1)
        runs.append(sandbox.left())
        for path in sandbox.outputs.iterdir():
            path.unlink()
    assert runs[0] == runs[1]
    assert set(runs[0]) == {"study.ipynb", "study-1.png", "study-2.svg"}


UNUSABLE = {
    "not JSON": ("{nope", "this is no notebook"),
    "not a notebook": ("[1]", "it says nothing of its format"),
    "nothing of the format": ("{}", "it says nothing of its format"),
    "an old format": (json.dumps({"nbformat": 3, "worksheets": []}), "it is of format 3, and format 4 is executed"),
    "another language": (notebook("1", metadata={"kernelspec": {"language": "R", "name": "ir"}}), "its language is 'R'"),
    "no cells": (notebook(cells=5), "no list of cells"),
    "a cell that is none": (notebook(cells=[1]), "cell 1 of all is no cell"),
    "a source that is none": (notebook(cells=[{"cell_type": "code", "source": [1]}]), "the source of cell 1 of all"),
    "metadata that are none": (notebook(cells=[{"cell_type": "code", "metadata": {"tags": 3}}]), "the metadata of cell 1 of all"),
    "very deep": ("[" * 200_000, "this is no notebook"),
    "not UTF-8": (b"\xff\xfe{}", "this is no notebook"),
}


@pytest.mark.parametrize("how", UNUSABLE)
def test_what_is_no_notebook_is_refused_in_words(sandbox: Sandbox, how: str) -> None:
    content, words = UNUSABLE[how]
    done = sandbox.run({"study.ipynb": content}, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("study.ipynb: ") and words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sandbox.left() == {}


def test_fields_that_may_be_left_out_may(sandbox: Sandbox) -> None:
    bare = {"nbformat": 4, "nbformat_minor": 2, "cells": [{"cell_type": "code"}, {"cell_type": "markdown", "source": "x"}]}
    sandbox.run({"study.ipynb": json.dumps(bare)})
    nbformat.validate(json.loads(sandbox.left()["study.ipynb"]))
