"""What is said of a failure: the user's own line, the error, and what the environment lacks."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood.adapters.python import ADAPTER
from fumehood.core.program import Diagnosis, Ended
from unit.fumehood.adapters.sandbox import Sandbox, notebook


def diagnose(stderr: str) -> Diagnosis | None:
    return ADAPTER.diagnose(Ended(1, "", stderr))


REAL = {
    "own line": ("x = {}\nx['a']", "main.py:2", "KeyError: 'a'"),
    "no message": ("assert 1 == 2", "main.py:1", "AssertionError"),
    "deep in a library": ("import json\n\n\njson.loads('{')", "main.py:4", "json.decoder.JSONDecodeError: Expecting property name"),
    "chained": ("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('worse') from e", "main.py:4", "ValueError: worse"),
    "syntax": ("x = 1\ny = = 2", "main.py:2", "SyntaxError: invalid syntax"),
    "syntax of another file": ("import part", "part.py:1", "SyntaxError: invalid syntax"),
    "several lines": ("raise ValueError('first\\nsecond')", "main.py:1", "ValueError: first"),
    "a line later": ("raise ValueError('\\nsecond')", "main.py:1", "ValueError: second"),
    "own exception": ("class Odd(Exception): pass\nraise Odd('bad')", "main.py:2", "Odd: bad"),
    "of a function": ("def f():\n    class Odd(Exception): pass\n    raise Odd('bad')\nf()", "main.py:3", "f.<locals>.Odd: bad"),
    "a group": ("def f(): raise TypeError('inner')\nraise ExceptionGroup('many', [ValueError(1)])", "main.py:2", "ExceptionGroup: many (1 sub-exception)"),
    "recursion": ("def f():\n    f()\nf()", "main.py:2", "RecursionError: maximum recursion depth"),
    "warnings after": ("import atexit, sys\natexit.register(lambda: print('sys:1: Warning: late', file=sys.stderr))\n1 / 0", "main.py:3", "ZeroDivisionError"),
    "ignored errors after": ("class A:\n    def __del__(self): raise OSError('aside')\na = A()\n1 / 0", "main.py:4", "ZeroDivisionError"),
    "errors at exit": ("import atexit\natexit.register(lambda: {}['x'])\n1 / 0", "main.py:3", "ZeroDivisionError"),
    "of a worker": (
        "import multiprocessing\nif __name__ == '__main__':\n    with multiprocessing.Pool(1) as pool:\n        pool.map(int, ['x'])",
        "main.py:4",
        "ValueError: invalid literal",
    ),
    "a name": ("from json import no_such", "main.py:1", "ImportError: cannot import name 'no_such'"),
}  # fmt: skip


@pytest.mark.parametrize("how", REAL)
def test_real_tracebacks(sandbox: Sandbox, how: str) -> None:
    code, location, message = REAL[how]
    done = sandbox.run({"main.py": code, "part.py": "x = = 1"}, check=False)
    found = diagnose(done.stderr.replace(str(sandbox.work), "/work"))
    assert found is not None, done.stderr
    assert (found.location, found.package) == (location, "")
    assert found.message.startswith(message)


MISSING = {
    "import no_such_package": "no_such_package",
    "import no_such_package.part": "no_such_package",
    "import sys; sys.modules['sklearn'] = None; import sklearn": "",  # the program's own doing
    "raise ModuleNotFoundError(\"No module named 'sklearn'\")": "scikit-learn",
    "raise ModuleNotFoundError(\"No module named 'PIL'\")": "pillow",
    "raise ImportError(\"Missing optional dependency 'openpyxl'.  Use pip or conda to install openpyxl.\")": "openpyxl",
    "import json.no_such": "",
    "import json.decoder.no_such": "",
    "from json import no_such": "",
}


@pytest.mark.parametrize("code", MISSING)
def test_missing_packages(sandbox: Sandbox, code: str) -> None:
    done = sandbox.script(code, check=False)
    found = diagnose(done.stderr.replace(str(sandbox.work), "/work"))
    assert found is not None
    assert (found.package, found.location) == (MISSING[code], "main.py:1")


@pytest.mark.parametrize("end", ["import sys; sys.exit(4)", "import sys; sys.exit('in words')", "import os; os._exit(3)"])
def test_nothing_is_said_of_a_program_that_says_nothing(sandbox: Sandbox, end: str) -> None:
    assert diagnose(sandbox.script("import sys\nprint('ValueError: printed', file=sys.stderr)\n" + end, check=False).stderr) is None


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("x = 1\n1 / 0", Diagnosis("ZeroDivisionError: division by zero", "cell 2, line 2")),
        (
            "import no_such_package",
            Diagnosis("ModuleNotFoundError: No module named 'no_such_package'", "cell 2, line 1", "no_such_package"),
        ),
        ("x = = 1", Diagnosis("SyntaxError: invalid syntax", "cell 2")),
    ],
)
def test_notebooks_are_told_by_cell(sandbox: Sandbox, cell: str, found: Diagnosis) -> None:
    done = sandbox.run({"study.ipynb": notebook("pass", cell)}, check=False)
    said = diagnose(done.stderr)
    assert said is not None
    assert (said.message.partition(" (")[0], said.location, said.package) == (found.message, found.location, found.package)


def test_an_environment_without_ipython_lacks_a_package(sandbox: Sandbox) -> None:
    library = sandbox.root / "library"
    library.mkdir()
    (library / "IPython.py").write_text("raise ModuleNotFoundError(\"No module named 'IPython'\")")
    done = sandbox.run({"study.ipynb": notebook("1")}, check=False, env={"PYTHONPATH": f"{sandbox.work}/.fumehood:{library}"})
    found = diagnose(done.stderr.replace(str(sandbox.work), "/work"))
    assert found == Diagnosis("ModuleNotFoundError: No module named 'IPython'", "", "ipython")


OTHERS = {
    "3.8": (
        'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n    f()\n'
        '  File "/usr/local/lib/python3.8/json/decoder.py", line 355, in raw_decode\n    raise\nValueError: old\n',
        Diagnosis("ValueError: old", "main.py:3"),
    ),
    "3.13": (
        'Traceback (most recent call last):\n  File "/work/main.py", line 1, in <module>\n    print(f(x)\n          ~^^^\n          + 1)\n'
        "ValueError: new\nadded as a note\n",
        Diagnosis("ValueError: new", "main.py:1"),
    ),
    "cut at its beginning": ('e "/work/a.py", line 1\n  File "/work/main.py", line 3, in f\n    g()\nOSError: cut\n', Diagnosis("OSError: cut", "main.py:3")),
    "in a zip": ('  File "/work/app.pyz/__main__.py", line 3, in f\nOSError: z\n', Diagnosis("OSError: z", "app.pyz/__main__.py:3")),
    "in no file": ('Traceback (most recent call last):\n  File "<string>", line 3, in f\nOSError: s\n', Diagnosis("OSError: s", "")),
}  # fmt: skip


@pytest.mark.parametrize("how", OTHERS)
def test_tracebacks_of_other_versions(how: str) -> None:
    text, found = OTHERS[how]
    assert diagnose(text) == found


PARTS = st.sampled_from(
    ["Traceback (most recent call last):\n", '  File "/work/a.py", line 1\n', "  | ", "  + ", "cell 1", ", line 9", ": ", "ValueError", ".", "\n", "a", " ", "\0", "é"]
)  # fmt: skip


@given(st.lists(PARTS | st.text(max_size=20), max_size=60).map("".join))
def test_hostile_text_is_never_an_error_and_the_answer_is_small(text: str) -> None:
    found = diagnose(text)
    if found:
        assert len(found.message) <= 500 and len(found.location) <= 220 and len(found.package) <= 100


@pytest.mark.parametrize(
    "unit",
    ["a.", "a", '  File "/work/', "cell 1: ", "  | ", "Traceback (most recent call last):\n", "a\n", '  File "/work/a.py", line 1\n'],
)
def test_the_time_grows_as_the_text_does(unit: str) -> None:
    def seconds(size: int) -> float:
        text = '  File "/work/a.py", line 1\n' + unit * (size // len(unit))
        begin = time.process_time()
        diagnose(text)
        return time.process_time() - begin

    short = min(seconds(100_000) for _ in range(3))
    assert min(seconds(800_000) for _ in range(3)) < 24 * max(short, 0.001)  # quadratic: 64
