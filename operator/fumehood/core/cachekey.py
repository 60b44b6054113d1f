"""What can change the result of a job, as one digest (pure).

Two jobs with the same key may have the same result; that is why everything that a
program can see, or that decides what is kept of it, is in it. Limits are, but for
those of time: a program that ended by itself did not pass them, and is told of none
but in its command.
docs/adr/0008 has the whole list, with reasons.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fumehood_sandbox import wire

from ..api.v1alpha1 import SCHEMA_MAJOR, AnalysisJobSpec
from . import sanitise
from .material import PlannedFile
from .plan import Plan

VERSION = 2  # of the key's own content
_TIMES = ("wall_clock", "cpu_time")


class Unknown(Exception):
    """The digest of something that counts is not known before the job runs."""


def keyed(plan: Plan, spec: AnalysisJobSpec) -> Plan:
    """Return `plan` with its key in the provenance, so that the manifest will repeat it; without, if it has none."""
    try:
        return replace(plan, provenance=replace(plan.provenance, key=key(plan, spec)))
    except Unknown:
        return plan


def key(plan: Plan, spec: AnalysisJobSpec) -> str:
    """Return the digest, as "sha256:…".

    Raises:
        Unknown: saying what is not known.
    """
    canonical = json.dumps(contents(plan, spec), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def contents(plan: Plan, spec: AnalysisJobSpec) -> dict[str, Any]:
    """Return all that the key is made of, as JSON.

    Raises:
        Unknown: saying what is not known.
    """
    if plan.egress is not None:
        raise Unknown("what comes in by spec.egress is not known before the job runs")
    limits = {name: value for name, value in vars(plan.granted.enforced).items() if name not in _TIMES}
    return {
        "version": VERSION,
        "schema": SCHEMA_MAJOR,
        "image": plan.image.rpartition("@")[2],  # wherever it is pulled from
        "envVersion": plan.env_version,
        "adapter": plan.provenance.adapter,
        "entrypoint": spec.source.entrypoint,
        "args": list(spec.args),
        "command": _command(plan.command),
        "source": _digests(plan.source),  # the adapter's files among them
        "inputs": _digests(plan.inputs),  # the parameters among them
        "seed": spec.seed,
        "outputs": [[rule.path, rule.kind] for rule in plan.outputs],  # the first that fits decides
        "ignored": sorted(plan.ignored),
        "preview": _command(plan.preview) if plan.preview else None,
        "limits": limits | {"cpu": format(plan.granted.cpu.normalize(), "f")},
        "recordViolations": plan.record_violations,
        # No result from behind a weaker wall is taken for one from behind a stronger.
        "isolation": {"runtimeClass": plan.runtime_class, "userNamespaces": plan.user_namespaces},
    }


def _command(command: wire.Command) -> dict[str, Any]:
    return {"argv": list(command.argv), "env": command.env}


def _digests(files: Iterable[PlannedFile]) -> dict[str, str]:
    return {file.name: _digest(file) for file in files}


def _digest(file: PlannedFile) -> str:
    given = file.sha256.removeprefix("sha256:") if file.sha256 else None
    content = file.data if file.text is None else file.text.encode(errors="surrogatepass")
    if content is None and given is None:
        raise Unknown(f"{_shown(file)} has no sha256")
    if content is None:
        assert given is not None
        return given
    found = hashlib.sha256(content).hexdigest()
    if given not in (None, found):
        raise Unknown(f"{_shown(file)} has another sha256 than the job gives")
    return found


def _shown(file: PlannedFile) -> str:
    return f"the file {sanitise.printable(file.name)[:200]!r}"
