"""gnuplot scripts: a script that sets no terminal and no output of its own draws into plot.png."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fumehood.adapters.base import PlainAdapter
from fumehood.core.program import DRIVER, Diagnosis, Ended, Program
from fumehood.ports import Adapter
from fumehood_sandbox import wire

# The same script gives the same bytes: fonts, size and seed are not left to the machine.
_START = """\
set terminal pngcairo size 800,600 font "DejaVu Sans,11"
set output "/outputs/plot.png"
"""
# "main.gp" line 3: undefined variable: x
_ERROR = re.compile(r'^"(?P<file>[^"\n]{1,200})" line (?P<line>[0-9]{1,7}): (?P<message>.{1,300})', re.MULTILINE)


class GnuplotAdapter(PlainAdapter):
    """`gnuplot start.gp -c entrypoint args…`; a script finds its arguments in ARG1, ARG2 and so on."""

    def prepare(self, program: Program) -> Mapping[str, str]:
        """See `ports.Adapter`."""
        seed = "" if program.seed is None else f"seed = rand({1 + program.seed % (2**31 - 2)})\n"
        return {"start.gp": _START + seed}

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        script = f"./{program.entrypoint}" if program.entrypoint.startswith("-") else program.entrypoint
        return wire.Command(("gnuplot", f"{DRIVER}/start.gp", "-c", script, *program.args), {"GNUTERM": "pngcairo"})

    def collect_outputs(self, program: Program) -> tuple[wire.OutputRule, ...]:
        """See `ports.Adapter`: pictures are plots, what `set table` writes is data."""
        plots = tuple(wire.OutputRule(f"**/*.{suffix}", "plot") for suffix in ("png", "svg", "pdf"))
        return (*plots, wire.OutputRule("**/*.dat", "dataset"))

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """See `ports.Adapter`: gnuplot stops at the first error, and names its line."""
        found = _ERROR.search(ended.stderr)
        return Diagnosis(found["message"], f"{found['file']}:{found['line']}") if found else None


ADAPTER: Adapter = GnuplotAdapter()
