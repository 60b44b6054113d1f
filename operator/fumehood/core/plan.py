"""An attempt's plan: job + environment + what the cluster can, as one frozen value that no executor is named in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from fumehood_sandbox import wire

from ..api.v1alpha1 import SCHEMA_MAJOR, AnalysisEnvironment, AnalysisJob, Evidence, Input, OnViolation, UserNamespaces
from ..api.v1alpha1.common import FILE_NAME
from . import names
from .egress import Grant
from .failures import Reason, Refused
from .limits import Granted, grant

# An order travels in a Secret, which holds 1 MiB; the permit and the links need room too.
MAX_TEXT = 640 << 10

BASE_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
RESERVED_ENVIRONMENT = {"HOME": wire.HOME, "TMPDIR": wire.TMP, "USER": "analyst", "LOGNAME": "analyst"}


@dataclass(frozen=True)
class PlannedFile:
    """One file to stage; exactly one of `text` and `uri` (s3://bucket/key) is set."""

    name: str
    text: str | None = None
    uri: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Plan:
    """What an executor needs to run one attempt.

    `image`, `runtime_class`, `user_namespaces`, `user_id`, `granted` and `egress` are fixed
    when the sandbox is made; the rest is the order's, and could come to a waiting one.
    """

    subject: wire.Subject
    image: str
    runtime_class: str | None
    user_namespaces: UserNamespaces
    user_id: int
    granted: Granted
    environment: str
    env_version: str
    command: wire.Command
    deadlines: wire.Deadlines
    source: tuple[PlannedFile, ...]
    inputs: tuple[PlannedFile, ...]
    outputs: tuple[wire.OutputRule, ...]
    record_violations: bool
    egress: Grant | None = None

    @property
    def lifetime(self) -> float:
        """Seconds that the sandbox may take from its first process to its last."""
        given = self.deadlines
        return given.hello + given.staging + self.granted.enforced.wall_clock + given.harvest + given.sealing


def check_schema_version(version: str) -> None:
    """Refuse a manifest of another major version; a newer minor only adds optional fields."""
    major = version.split(".")[0]
    if int(major) != SCHEMA_MAJOR:
        raise Refused(
            Reason.SCHEMA_VERSION_UNSUPPORTED,
            f'spec.schemaVersion: "{version}" is not supported; this operator reads {SCHEMA_MAJOR}.x, e.g. "{SCHEMA_MAJOR}.0"',
        )


def make_plan(
    job: AnalysisJob,
    environment: AnalysisEnvironment,
    attempt: int,
    command: wire.Command,
    source: tuple[PlannedFile, ...],
    deadlines: wire.Deadlines,
    egress: Grant | None = None,
) -> Plan:
    """Return the plan of one attempt.

    `command` is what the environment's adapter made of the entrypoint; `source` the
    files of spec.source, wherever they came from; `deadlines` are the operator's, of
    which job and environment may change the harvest's; `egress` what was granted of
    spec.egress.

    Raises:
        Refused: naming the field that cannot be granted.
    """
    subject = wire.Subject(job.metadata.namespace, job.metadata.name, job.metadata.uid, attempt)
    spec, offer = job.spec, environment.spec
    inputs = _inputs(spec.inputs, spec.parameters)
    _check_names(source, "spec.source", Reason.SOURCE_INVALID)
    _check_names(inputs, "spec.inputs", Reason.SPEC_INVALID)
    _check_size((*source, *inputs))
    granted = grant(spec.limits, offer.defaults, offer.maximums, deadlines.harvest)
    return Plan(
        subject=subject,
        image=offer.image,
        runtime_class=offer.runtime_class_name,
        user_namespaces=offer.user_namespaces,
        user_id=names.user_id(subject.uid),
        granted=granted,
        environment=environment.metadata.name,
        env_version=offer.env_version,
        command=wire.Command(command.argv, BASE_ENVIRONMENT | command.env | dict(offer.env) | RESERVED_ENVIRONMENT),
        deadlines=replace(deadlines, harvest=granted.harvest),
        source=source,
        inputs=inputs,
        outputs=tuple(wire.OutputRule(rule.path, rule.kind) for rule in spec.outputs),
        record_violations=offer.on_violation is OnViolation.RECORD,
        egress=egress,
    )


def source_of(job: AnalysisJob, config_map: dict[str, Any] | None) -> tuple[PlannedFile, ...]:
    """Return the files of spec.source; `config_map` is the object that it names, if it names one."""
    source = job.spec.source
    if source.files is not None:
        return tuple(PlannedFile(name, text=text) for name, text in sorted(source.files.items()))
    if source.s3 is not None:
        return (PlannedFile(source.entrypoint, uri=source.s3.uri, sha256=source.s3.sha256),)
    assert source.config_map is not None
    if config_map is None:
        raise Refused(Reason.SOURCE_MISSING, f"spec.source.configMap: there is no ConfigMap {source.config_map.name!r} in this namespace")
    if binary := sorted(config_map.get("binaryData") or {}):
        raise Refused(
            Reason.SOURCE_INVALID,
            f"spec.source.configMap: {binary[0]!r} of ConfigMap {source.config_map.name!r} is no text (binaryData); "
            "put it into the store and name it as an input",
            Evidence(entry=binary[0]),
        )
    files = {str(name): str(text) for name, text in (config_map.get("data") or {}).items()}
    if source.entrypoint not in files:
        raise Refused(
            Reason.SOURCE_INVALID, f"spec.source.entrypoint: ConfigMap {source.config_map.name!r} has no key {source.entrypoint!r}"
        )
    return tuple(PlannedFile(name, text=text) for name, text in sorted(files.items()))


def _inputs(inputs: tuple[Input, ...], parameters: Any) -> tuple[PlannedFile, ...]:
    files = [
        PlannedFile(
            item.name,
            text=item.inline.text if item.inline else None,
            uri=item.s3.uri if item.s3 else None,
            sha256=item.sha256 or (item.s3.sha256 if item.s3 else None),
        )
        for item in inputs
    ]
    if parameters is not None:
        files.append(PlannedFile(wire.PARAMETERS, text=json.dumps(parameters, ensure_ascii=False, sort_keys=True)))
    return tuple(files)


def _check_names(files: tuple[PlannedFile, ...], field: str, reason: Reason) -> None:
    seen: set[str] = set()
    for file in files:
        if not re.search(FILE_NAME, file.name) or file.name.endswith("\n"):
            raise Refused(
                reason,
                f"{field}: {file.name[:64]!r} is no file name; use letters, digits and ._+- in folders of at most 8 levels",
                Evidence(entry=file.name[:64]),
            )
        parents = {file.name.rsplit("/", depth)[0] for depth in range(1, file.name.count("/") + 1)}
        if file.name in seen or parents & seen or any(other.startswith(file.name + "/") for other in seen):
            raise Refused(reason, f"{field}: {file.name!r} is there twice, or is both a file and a folder", Evidence(entry=file.name))
        seen.add(file.name)


def _check_size(files: tuple[PlannedFile, ...]) -> None:
    total = sum(len(file.text.encode(errors="replace")) for file in files if file.text is not None)
    if total > MAX_TEXT:
        raise Refused(
            Reason.SOURCE_INVALID,
            f"spec.source, spec.inputs and spec.parameters: {total} bytes given in the manifest, at most {MAX_TEXT} are allowed; "
            "put the large ones into the store and name them by s3",
            Evidence(allowed=str(MAX_TEXT), measured=str(total)),
        )
