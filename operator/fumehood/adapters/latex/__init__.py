"""LaTeX: documents, TikZ pictures and equations, made into PDF, SVG and PNG by the environment's own TeX."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from fumehood_sandbox import wire

from ...core.program import DRIVER, Diagnosis, Ended, Program
from ...ports import Adapter
from ..base import PlainAdapter, as_path, preview_command

_DRIVER, _PREVIEWS = "fumehood_latex.sh", "fumehood_previews.sh"
_DRIVERS = {file.name: file.read_text() for file in files(__package__).joinpath("driver").iterdir() if file.is_file()}

# What TeX writes with -file-line-error, or of what has no line. The text is the program's, and may be forged.
_ERROR = re.compile(r"^(?:(?P<file>[^\s:]{1,200}):(?P<line>[0-9]{1,7}): |! )(?P<message>[^\n]{1,500})", re.MULTILINE)
_TOKEN = re.compile(r"\n[^\n]{0,300}?(?P<token>\\(?:[A-Za-z@]{1,100}|[^A-Za-z@\s])) ?(?:\n|\Z)")
_MISSING = re.compile(r"File `(?P<name>[A-Za-z0-9][\w.+-]{0,100})\.(?:sty|cls)' not found")
# Packages that are not called as the files that are asked for. What belongs to LaTeX itself is never missing.
_PACKAGES = {
    **dict.fromkeys(("scrartcl", "scrreprt", "scrbook", "scrlttr2", "scrlayer-scrpage", "typearea"), "koma-script"),
    "tikz": "pgf",
    "amssymb": "amsfonts",
    "amsthm": "amscls",
    "subcaption": "caption",
    "algorithm": "algorithms",
    "algorithmic": "algorithms",
    "algpseudocode": "algorithmicx",
    "helvet": "psnfss",
    "mathptmx": "psnfss",
}


class LatexAdapter(PlainAdapter):
    """The driver, a shell script, runs TeX as often as needed; nothing of the user's is started, and shell escape is off.

    It builds below /tmp and copies what was made to /outputs, and TeX's log if it failed: nothing is left over
    that `cleanup` would name.
    """

    def prepare(self, program: Program) -> Mapping[str, str]:
        """See `ports.Adapter`."""
        return dict(_DRIVERS)

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        command = ("sh", f"{DRIVER}/{_DRIVER}", as_path(program.entrypoint), *program.args)
        return wire.Command(command, {})

    def preview(self, program: Program) -> wire.Command | None:
        """See `ports.Adapter`: of the first pages, from the PDF that the driver has left in its build folder."""
        return preview_command(program, "sh", f"{DRIVER}/{_PREVIEWS}", as_path(program.entrypoint))

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """See `ports.Adapter`: from the first error, at which TeX stops."""
        error = _ERROR.search(ended.stderr)
        if error is None:
            return None
        message = error["message"]
        if message.startswith("Undefined control sequence"):
            token = _TOKEN.match(ended.stderr, error.end())
            message = f"Undefined control sequence {token['token']}" if token else message
        location = f"{error['file']}:{error['line']}" if error["file"] else ""
        missing = _MISSING.search(message)
        name = missing["name"] if missing else ""
        return Diagnosis(message, location, _PACKAGES.get(name, name))


ADAPTER: Adapter = LatexAdapter()
