"""`python -m fumehood_sandbox.filters [FOLDER]`: compile every filter into a folder of files.

For each machine and each reach (closed, egress) three programs with the same
rules, which differ in what a counted refusal does: ask the runner ("counting"),
give the error alone ("plain"), end the process ("killing"). Beside them stand
the names and errors of the counted calls, by number.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable

from .. import seccomp
from . import libseccomp
from .conditions import alternatives
from .rules import YOUNG, Rule, rules


def main(folder: str = seccomp.FOLDER) -> int:
    """Write all files, each in one step, so that a reader sees a whole one."""
    os.makedirs(folder, exist_ok=True)
    for name, content in files().items():
        partial = os.path.join(folder, f".{name}.{os.getpid()}")
        with open(partial, "wb") as file:
            file.write(content)
        os.replace(partial, os.path.join(folder, name))
    return 0


def files() -> dict[str, bytes]:
    """Name -> content of every file."""
    made: dict[str, bytes] = {}
    for machine in seccomp.MACHINES:
        for egress in (False, True):
            table = known(rules(egress), machine)
            for kind in seccomp.Kind:
                made[seccomp.filter_name(machine, egress, kind)] = libseccomp.compile_filter(_entries(table, kind), machine)
        made[seccomp.calls_name(machine)] = json.dumps(_calls(machine)).encode()
    return made


def known(table: Iterable[Rule], machine: str) -> tuple[Rule, ...]:
    """Return the rules about calls that the machine has.

    Raises:
        UnknownCall: libseccomp does not know a call, and it is not one that is allowed to be unknown.
    """
    return tuple(rule for rule in table if _has(machine, rule.call))


def _has(machine: str, call: str) -> bool:
    try:
        return libseccomp.number(call, machine) is not None
    except libseccomp.UnknownCall:
        if call not in YOUNG:
            raise
        return False


def _entries(table: Iterable[Rule], kind: seccomp.Kind) -> Iterable[libseccomp.Entry]:
    for rule in table:
        for condition in alternatives(rule.when):
            yield rule.call, _action(rule, kind), condition


def _action(rule: Rule, kind: seccomp.Kind) -> int:
    if rule.counted and kind is seccomp.Kind.COUNTING:
        return libseccomp.NOTIFY
    if rule.counted and kind is seccomp.Kind.KILLING:
        return libseccomp.TRAP
    return libseccomp.errno(rule.errno)


def _calls(machine: str) -> dict[int | None, tuple[str, int]]:
    table = known((*rules(egress=False), *rules(egress=True)), machine)
    counted = {(rule.call, rule.errno) for rule in table if rule.counted}
    calls = {libseccomp.number(call, machine): (call, code) for call, code in sorted(counted)}
    if len(calls) != len(counted):
        raise ValueError("a call whose refusals are counted has one error")  # its number is all that is known of it
    return calls


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
