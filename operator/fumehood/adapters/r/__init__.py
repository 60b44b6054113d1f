"""R programs: scripts, run by the environment's own R."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from fumehood_sandbox import wire

from ...core.program import DRIVER, Diagnosis, Ended, Program
from ...ports import Adapter
from ..base import PlainAdapter, as_path, preview_command

_PREVIEWS = "fumehood_previews.R"
_PROFILE = f"{wire.WORK}/{DRIVER}/fumehood_profile.R"
_DRIVERS = {file.name: file.read_text() for file in files(__package__).joinpath("driver").iterdir() if file.name.endswith(".R")}
# As --vanilla, but for the profile, which is ours.
_OPTIONS = ("--no-save", "--no-restore", "--no-environ", "--no-site-file")
# What else starts a thread for each CPU of the node.
_THREADS = ("R_DATATABLE_NUM_THREADS", "VROOM_THREADS", "RCPP_PARALLEL_NUM_THREADS")

# What R and rlang write of an error, and where the driver says that it was. The text is the program's, and may be forged.
_ERROR = re.compile(r"^Error(?: in [^\n]{1,300}?(?: : |:(?=\n))|: ?)(?:\n(?:! |  ))?(?P<message>[^\n]{1,500})", re.MULTILINE)
_CAUSE = re.compile(r"^Caused by error[^\n]{0,200}:\n! (?P<message>[^\n]{1,300})", re.MULTILINE)
_PLACE = re.compile(r"^  at (?P<file>[^:\n]{1,200}):(?P<line>[0-9]{1,7})$", re.MULTILINE)
_SYNTAX = re.compile(r"(?P<file>[^:\n]{1,200}):(?P<line>[0-9]{1,7}):[0-9]{1,7}: (?P<message>.+)")
_MISSING = re.compile(r"there is no package called [‘'](?P<package>[A-Za-z][A-Za-z0-9.]{0,100})[’']")


class RAdapter(PlainAdapter):
    """`Rscript entrypoint args…`; what is drawn without a device of its own becomes `plot-001.png` and so on."""

    def prepare(self, program: Program) -> Mapping[str, str]:
        """See `ports.Adapter`."""
        return dict(_DRIVERS)

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        environment = dict.fromkeys(_THREADS, str(program.cpus)) | {"R_PROFILE_USER": _PROFILE}
        return wire.Command(("Rscript", *_OPTIONS, as_path(program.entrypoint), *program.args), environment)

    def preview(self, program: Program) -> wire.Command | None:
        """See `ports.Adapter`: with what of pdftocairo and rsvg-convert the environment has."""
        return preview_command(program, "Rscript", "--vanilla", f"{DRIVER}/{_PREVIEWS}")

    def cleanup(self, program: Program) -> tuple[str, ...]:
        """See `ports.Adapter`: what R leaves in its working directory, if a program makes /outputs that."""
        return ("Rplots.pdf", ".RData", ".Rhistory")

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """See `ports.Adapter`: from the last error, which need not be the first one printed."""
        errors = list(_ERROR.finditer(ended.stderr))
        if not errors:
            return None
        message = errors[-1]["message"]
        syntax = _SYNTAX.fullmatch(message)
        if syntax:
            return Diagnosis(syntax["message"], f"{syntax['file']}:{syntax['line']}")
        causes = list(_CAUSE.finditer(ended.stderr, errors[-1].end()))
        places = list(_PLACE.finditer(ended.stderr, errors[-1].end()))
        missing = _MISSING.search(message)
        return Diagnosis(
            f"{message} {causes[-1]['message']}" if causes else message,
            f"{places[-1]['file']}:{places[-1]['line']}" if places else "",
            missing["package"] if missing else "",
        )


ADAPTER: Adapter = RAdapter()
