"""Python programs: scripts, packages and notebooks, run by the environment's own interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from fumehood_sandbox import wire

from ...core.program import DRIVER, Diagnosis, Ended, Program
from ...ports import Adapter
from ..base import PlainAdapter, as_path, preview_command
from .messages import diagnosis

_FOLDER = f"{wire.WORK}/{DRIVER}"
_NOTEBOOK = "fumehood_notebook.py"
_PREVIEWS = "fumehood_previews.py"
_SETTINGS = "matplotlibrc"
_DRIVERS = {file.name: file.read_text() for file in files(__package__).joinpath("driver").iterdir() if file.is_file()}


class PythonAdapter(PlainAdapter):
    """`python3 entrypoint args…`, unbuffered, so that what was printed before a kill is seen.

    A package is started by its `__main__.py`; a notebook is executed. Figures that a
    script leaves open are saved as `figure-N.png`.
    """

    def prepare(self, program: Program) -> Mapping[str, str]:
        """See `ports.Adapter`."""
        return {name: text for name, text in _DRIVERS.items() if name != _NOTEBOOK or _is_notebook(program)}

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        environment = {
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": str(program.seed or 0),
            "PYTHONPATH": _FOLDER,  # for `sitecustomize`, which takes it away again
            "FUMEHOOD_FIGURES": _figures(program.limits),
            "MPLBACKEND": "Agg",  # there is no display
            "MATPLOTLIBRC": f"{_FOLDER}/{_SETTINGS}",
        }
        return wire.Command(("python3", *_start(program), *program.args), environment)

    def preview(self, program: Program) -> wire.Command | None:
        """See `ports.Adapter`: with what of Pillow, pypdfium2, resvg_py, pandas and pyarrow the environment has."""
        return preview_command(program, "python3", "-s", f"{DRIVER}/{_PREVIEWS}", PYTHONDONTWRITEBYTECODE="1")

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """See `ports.Adapter`: from the last traceback."""
        return diagnosis(ended.stderr)


def _is_notebook(program: Program) -> bool:
    return program.entrypoint.endswith(".ipynb")


def _start(program: Program) -> tuple[str, ...]:
    entrypoint = program.entrypoint
    if _is_notebook(program):
        return (f"{DRIVER}/{_NOTEBOOK}", entrypoint)
    package, _, name = entrypoint.rpartition("/")
    if name == "__main__.py" and package and "." not in package:
        return ("-m", package.replace("/", "."))
    return (as_path(entrypoint),)


def _figures(limits: wire.Limits | None) -> str:
    """Return how many files may be in /outputs with the figures that are saved."""
    return str(limits.artifacts if limits else 100)


ADAPTER: Adapter = PythonAdapter()
