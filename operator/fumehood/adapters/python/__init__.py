"""Python programs: scripts, packages and notebooks, run by the environment's own interpreter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from fumehood_sandbox import wire

from ...core.program import DRIVER, Diagnosis, Ended, Program
from ...ports import Adapter
from ..base import PlainAdapter

_FOLDER = f"{wire.WORK}/{DRIVER}"
_NOTEBOOK = "fumehood_notebook.py"
# Settings of matplotlib's that a program's own come before. Ids in its SVG files are drawn at random without the salt.
_STYLE = "matplotlibrc"
_DRIVERS = {file.name: file.read_text() for file in files(__package__).joinpath("driver").iterdir() if file.name.endswith((".py", _STYLE))}

# The last lines of a traceback, as the interpreter writes them. The text is the program's, and may be forged.
_FRAME = re.compile(rf'^  File "{wire.WORK}/(?P<file>[^"\n]{{1,200}})", line (?P<line>[0-9]{{1,7}})', re.MULTILINE)
_CELL = re.compile(r"^cell (?P<cell>[0-9]{1,6}): (?P<message>.{1,300})", re.MULTILINE)
_ERROR = re.compile(r"^(?P<message>(?:[A-Za-z_][\w.]{0,100}(?:Error|Exception|Warning|Exit|Interrupt)\b).{0,500})", re.MULTILINE)
_MISSING = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '(?P<module>[A-Za-z_]\w{0,100})")
# Packages that are not called as what is imported of them.
_PACKAGES = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "Bio": "biopython",
    "dotenv": "python-dotenv",
    "OpenSSL": "pyopenssl",
    "attr": "attrs",
    "google": "protobuf",
}


class PythonAdapter(PlainAdapter):
    """`python3 entrypoint args…`, unbuffered, so that what was printed before a kill is seen.

    A package is started by its `__main__.py`; a notebook is executed. Figures that a
    script leaves open are saved as `figure-N.png`.
    """

    def prepare(self, program: Program) -> Mapping[str, str]:
        """See `ports.Adapter`."""
        return _DRIVERS if program.entrypoint.endswith(".ipynb") else {name: text for name, text in _DRIVERS.items() if name != _NOTEBOOK}

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        wanted = ("figures", *(("previews",) if program.previews else ()))
        environment = {
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": str(program.seed or 0),
            "PYTHONPATH": _FOLDER,  # for `sitecustomize`, which takes it away again
            "FUMEHOOD_PYTHON": ",".join(wanted),
            "MPLBACKEND": "Agg",  # there is no display
            "MATPLOTLIBRC": f"{_FOLDER}/{_STYLE}",
        }
        return wire.Command(("python3", *_start(program.entrypoint), *program.args), environment)

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """See `ports.Adapter`: from the last traceback."""
        errors = list(_ERROR.finditer(ended.stderr))
        cells = list(_CELL.finditer(ended.stderr))
        if not errors and not cells:
            return None
        if cells:
            message, location = cells[-1]["message"], f"cell {cells[-1]['cell']}"
        else:
            message = errors[-1]["message"]
            frames = list(_FRAME.finditer(ended.stderr, 0, errors[-1].start()))
            location = f"{frames[-1]['file']}:{frames[-1]['line']}" if frames else ""
        missing = _MISSING.search(message)
        module = missing["module"] if missing else ""
        return Diagnosis(message, location, _PACKAGES.get(module, module))


def _start(entrypoint: str) -> tuple[str, ...]:
    if entrypoint.endswith(".ipynb"):
        return (f"{DRIVER}/{_NOTEBOOK}", entrypoint)
    package, _, name = entrypoint.rpartition("/")
    if name == "__main__.py" and package:
        return ("-m", package.replace("/", "."))
    return (entrypoint,)


ADAPTER: Adapter = PythonAdapter()
