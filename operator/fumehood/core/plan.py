"""An attempt's plan: job + environment + what the cluster can, as one frozen value that no executor is named in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from fumehood_sandbox import wire

from ..api.v1alpha1 import SCHEMA_MAJOR, AnalysisEnvironment, AnalysisJob, OnViolation, Previews, UserNamespaces
from . import names
from .egress import Grant
from .failures import Reason, Refused
from .limits import Granted, grant
from .material import Found, PlannedFile, check_size, input_files, source_files
from .program import DRIVER, Description, Program

# What makes the same program give the same bytes wherever and whenever it runs.
BASE_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "SOURCE_DATE_EPOCH": str(wire.EPOCH),
    # As many threads as are given, not as many as are idle; sums in the order of threads, on one kind of processor.
    "OMP_DYNAMIC": "FALSE",
    "MKL_DYNAMIC": "FALSE",
    "MKL_CBWR": "AUTO",
    "KMP_DETERMINISTIC_REDUCTION": "TRUE",
    "TF_DETERMINISTIC_OPS": "1",
}
# Libraries ask the node how many CPUs there are, and start a thread for each: more than a job may use, and
# sums of floating-point numbers depend on how many there are.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
    "MC_CORES",
    "RCPP_PARALLEL_NUM_THREADS",
    "JULIA_NUM_THREADS",
    "GOMAXPROCS",
)
# Lists of folders, divided by colons.
SEARCH_PATHS = ("PYTHONPATH",)
RESERVED_ENVIRONMENT = {"HOME": wire.HOME, "TMPDIR": wire.TMP, "USER": "analyst", "LOGNAME": "analyst"}


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
    preview: wire.Command | None
    deadlines: wire.Deadlines
    source: tuple[PlannedFile, ...]
    inputs: tuple[PlannedFile, ...]
    outputs: tuple[wire.OutputRule, ...]
    ignored: tuple[str, ...]
    provenance: wire.Provenance
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
    describe: Callable[[Program], Description],
    found: Found,
    deadlines: wire.Deadlines,
    egress: Grant | None = None,
) -> Plan:
    """Return the plan of one attempt.

    `describe` is the environment's adapter; `found` what there is of all that the job names; `deadlines` are the operator's, of which job
    and environment may change the harvest's; `egress` what was granted of spec.egress.

    Raises:
        Refused: naming the field that cannot be granted.
    """
    subject = wire.Subject(job.metadata.namespace, job.metadata.name, job.metadata.uid, attempt)
    spec, offer = job.spec, environment.spec
    source, inputs = source_files(job, found), input_files(job, found)
    check_size((*source, *inputs))
    granted = grant(spec.limits, offer.defaults, offer.maximums, deadlines.harvest)
    described = describe(_program(job, offer.command or (), granted))
    drivers = tuple(PlannedFile(f"{DRIVER}/{name}", text=text) for name, text in sorted(described.files.items()))
    base = _base(granted.cpu, spec.seed)

    rules = tuple(wire.OutputRule(rule.path, rule.kind) for rule in spec.outputs)
    return Plan(
        subject=subject,
        image=offer.image,
        runtime_class=offer.runtime_class_name,
        user_namespaces=offer.user_namespaces,
        user_id=names.user_id(subject.uid),
        granted=granted,
        environment=environment.metadata.name,
        env_version=offer.env_version,
        command=_complete(described.command, base, offer.env),
        preview=_complete(described.preview, base, offer.env) if described.preview else None,
        deadlines=replace(deadlines, harvest=granted.harvest),
        source=(*source, *drivers),
        inputs=inputs,
        outputs=rules or described.outputs,
        ignored=described.ignored,
        provenance=wire.Provenance(described.adapter, offer.image, spec.seed),
        record_violations=offer.on_violation is OnViolation.RECORD,
        egress=egress,
    )


def _program(job: AnalysisJob, starter: tuple[str, ...], granted: Granted) -> Program:
    spec = job.spec
    return Program(
        entrypoint=spec.source.entrypoint,
        args=spec.args,
        cpus=_threads(granted.cpu),
        seed=spec.seed,
        previews=spec.previews is Previews.AUTO,
        limits=granted.enforced,
        starter=starter,
    )


def _base(cpu: Decimal, seed: int | None) -> dict[str, str]:
    environment = BASE_ENVIRONMENT | dict.fromkeys(THREADS, str(_threads(cpu)))
    return environment if seed is None else environment | {"FUMEHOOD_SEED": str(seed)}


def _complete(command: wire.Command, base: Mapping[str, str], given: Mapping[str, str]) -> wire.Command:
    """Return an adapter's command with all of its environment; `given` is the AnalysisEnvironment's part."""
    return wire.Command(command.argv, {**base, **_joined(command.env, given), **RESERVED_ENVIRONMENT})


def _joined(adapter: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of both: the environment's come last, but an adapter finds its own folder on a search path."""
    paths = {name: f"{adapter[name]}:{environment[name]}" for name in SEARCH_PATHS if adapter.get(name) and environment.get(name)}
    return {**adapter, **environment, **paths}


def _threads(cpu: Decimal) -> int:
    return max(1, math.ceil(cpu))
