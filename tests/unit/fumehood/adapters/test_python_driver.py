"""Programs run as themselves; what is seeded, handed over and seen by children."""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path

import pytest

from fumehood.adapters import python
from unit.fumehood.adapters.sandbox import Sandbox, plainly

LOOK = """
import os, sys
print(__name__, sys.argv[1:], os.path.basename(globals().get('__file__', '')))
print([entry for entry in sys.path if ".fumehood" in entry], [name for name in sys.modules if "fumehood" in name])
print("sitecustomize" in sys.modules, "random" in sys.modules, sorted(name for name in os.environ if name.startswith(("FUMEHOOD_P", "FUMEHOOD_F"))))
print(os.environ.get("PYTHONPATH"))
"""


def test_a_program_is_itself_and_sees_nothing_of_ours(sandbox: Sandbox) -> None:
    done = sandbox.run({"main.py": LOOK}, "--fast", "a b", previews=True, seed=1)
    assert done.stdout.splitlines() == ["__main__ ['--fast', 'a b'] main.py", "[] []", "False False []", "None"]
    assert done.stderr == ""


ENDS = {
    "nothing": "print('x')",
    "one": "import sys; sys.exit(1)",
    "three": "raise SystemExit(3)",
    "text": "import sys; sys.exit('in words')",
    "error": "def f(x):\n    return 1 / x\n\nf(0)",
    "chain": "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('b') from error",
    "syntax": "x = = 1",
    "at once": "import os; print('x', flush=True); os._exit(7)",
    "interrupted": "raise KeyboardInterrupt",
    "in a thread": "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()",
    "at exit": "import atexit\natexit.register(print, 'bye')\natexit.register(lambda: 1 / 0)",
    "thread that goes on": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print('late'))).start()",
    "missing": "import no_such_package",
    "figure that cannot be written": "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.savefig('/no/such/folder/x.png')",
}


@pytest.mark.parametrize("how", ENDS)
def test_it_ends_as_it_does_without_us(sandbox: Sandbox, tmp_path: Path, how: str) -> None:
    ours = sandbox.script(ENDS[how], check=False, previews=True)
    plain = plainly(ENDS[how], tmp_path / "plain")
    assert ours.returncode == plain.returncode
    assert ours.stdout == plain.stdout
    assert _nameless(ours.stderr, sandbox.work) == _nameless(plain.stderr, tmp_path / "plain")


def _nameless(text: str, folder: Path) -> list[str]:
    lines = text.replace(str(folder), "").splitlines()
    return [line for line in lines if not line.startswith(("Exception in thread", "Exception ignored in", "figure 1", "Matplotlib"))]


CHILDREN = {
    "subprocess": "import subprocess, sys; subprocess.run([sys.executable, '-c', LOOK], check=True)",
    "fork": "import os, sys\nif os.fork() == 0:\n    sys.exit()\nos.wait()",
    **{
        method: f"""
import multiprocessing, sys
def look(): import sys; print([entry for entry in sys.path if ".fumehood" in entry], "sitecustomize" in sys.modules)
if __name__ == "__main__":
    process = multiprocessing.get_context({method!r}).Process(target=look)
    process.start(); process.join(); assert process.exitcode == 0
"""
        for method in ("spawn", "forkserver")
    },
}


@pytest.mark.parametrize("how", CHILDREN)
def test_children_see_nothing_of_ours(sandbox: Sandbox, how: str) -> None:
    done = sandbox.script(f"LOOK = {LOOK!r}\n" + CHILDREN[how], env={"TMPDIR": "/tmp"})  # names of sockets are short
    assert ".fumehood" not in done.stdout
    assert "True" not in done.stdout


def test_only_the_first_process_saves_figures(sandbox: Sandbox) -> None:
    sandbox.script("import os, sys\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nif os.fork() == 0:\n    sys.exit()\nos.wait()")
    assert list(sandbox.left()) == ["figure-1.png"]


def test_a_program_may_call_its_files_as_it_likes(sandbox: Sandbox) -> None:
    taken = ("random", "glob", "contextlib", "atexit_", "sitecustomize")
    files = {f"{name}.py": f"WHOSE = 'ours: {name}'" for name in taken}
    code = "\n".join(f"import {name}; print({name}.WHOSE)" for name in taken)
    done = sandbox.run({"main.py": code, **files}, seed=3, previews=True)
    assert done.stdout.splitlines() == [f"ours: {name}" for name in taken]


def test_the_images_own_customisation_runs(sandbox: Sandbox) -> None:
    library = sandbox.root / "library"
    library.mkdir()
    (library / "sitecustomize.py").write_text("import sys; sys.customised = __file__")
    (library / "helper.py").write_text("WHERE = 'library'")
    path = f"{sandbox.work}/.fumehood:{library}"
    done = sandbox.script(
        "import os, sys, helper, sitecustomize\nprint(sys.customised == sitecustomize.__file__, helper.WHERE, os.environ['PYTHONPATH'])",
        env={"PYTHONPATH": path},
    )
    assert done.stdout.split() == ["True", "library", str(library)]


def test_an_error_in_it_is_told_as_ever(sandbox: Sandbox) -> None:
    (sandbox.root / "sitecustomize.py").write_text("1 / 0")
    done = sandbox.script("print('runs')", env={"PYTHONPATH": f"{sandbox.work}/.fumehood:{sandbox.root}"})
    assert done.stdout == "runs\n"
    assert "Error in sitecustomize" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def _zip(**files: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, text in files.items():
            archive.writestr(name + ".py", text)
    return raw.getvalue()


ENTRIES: dict[str, dict[str, str | bytes]] = {
    "pkg/__main__.py": {"pkg/__init__.py": "", "pkg/__main__.py": "from . import part\nprint(part.X)", "pkg/part.py": "X = 'found'"},
    "a/b/__main__.py": {"a/b/__main__.py": "from a.b import part\nprint(part.X)", "a/b/part.py": "X = 'found'"},
    "my-pkg/__main__.py": {"my-pkg/__main__.py": "from . import part\nprint(part.X)", "my-pkg/part.py": "X = 'found'"},
    "v1.2/__main__.py": {"v1.2/__main__.py": "import part\nprint(part.X)", "v1.2/part.py": "X = 'found'"},
    "scripts/run-it.py": {"scripts/run-it.py": "import part\nprint(part.X)", "scripts/part.py": "X = 'found'"},
    "-dash.py": {"-dash.py": "print('found')"},
    "app.pyz": {"app.pyz": _zip(__main__="import part\nprint(part.X)", part="X = 'found'")},
}


@pytest.mark.parametrize("entrypoint", ENTRIES)
def test_entrypoints(sandbox: Sandbox, entrypoint: str) -> None:
    assert sandbox.run(ENTRIES[entrypoint], entrypoint=entrypoint).stdout == "found\n"


DRAW = "import random\nprint(random.random())\nimport numpy\nprint(numpy.random.rand())\nprint(numpy.random.default_rng().random())"


def test_the_seed_reaches_the_generators_and_nothing_else(sandbox: Sandbox) -> None:
    first, again, other, none = (sandbox.script(DRAW, seed=seed).stdout.split() for seed in (7, 7, 8, None))
    assert first[:2] == again[:2]
    assert first[0] != other[0] and first[1] != other[1]
    assert none[0] != first[0] and none[1] != first[1]
    assert first[2] != again[2]  # has to be given one, and FUMEHOOD_SEED is there for it


def test_a_seed_reaches_numpy_however_it_is_imported(sandbox: Sandbox) -> None:
    ways = ("from numpy.random import rand", "import numpy as np; rand = np.random.rand", "import numpy.random; rand = numpy.random.rand")
    drawn = {sandbox.script(f"{way}\nprint(rand())", seed=2**32 - 1).stdout for way in ways}
    assert len(drawn) == 1


@pytest.mark.parametrize("path", sorted(Path(python.__file__).parent.joinpath("driver").glob("*.py")), ids=lambda path: path.name)
def test_the_drivers_are_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 8))
