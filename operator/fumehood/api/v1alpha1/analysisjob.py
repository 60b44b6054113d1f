"""AnalysisJob: what to run, on what, within which limits."""

from __future__ import annotations

import enum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from .common import NUMBER, EnvironmentName, Kind, Limits, Model, ObjectMeta, ProfileName, ResourceName, rules
from .material import Input, Source
from .status import AnalysisJobStatus

# Every field but `cancel`. `parameters` is free JSON, which CEL cannot compare;
# the chart's admission policy guards it.
IMMUTABLE = (
    "schemaVersion",
    "environment",
    "source",
    "args",
    "inputs",
    "outputs",
    "previews",
    "seed",
    "cache",
    "replayOf",
    "limits",
    "egress",
    "ttlSecondsAfterFinished",
)


class Previews(enum.StrEnum):
    """Whether small pictures and table heads are made of a job's artifacts, inside its sandbox."""

    AUTO = "Auto"
    OFF = "Off"


class Cache(enum.StrEnum):
    """Whether the result of an equal job of this namespace may be taken."""

    OFF = "Off"
    REUSE = "Reuse"


class OutputRule(Model):
    """Which files of /outputs are artifacts, and of which kind."""

    path: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[^/\x00-\x1f\x7f\\][^\x00-\x1f\x7f\\]*$",
        description="Glob relative to /outputs: * within one folder, ** across folders.",
        json_schema_extra=rules(
            (
                "!self.split('/').exists(part, part in ['', '.', '..'])",
                "path must stay below /outputs: no empty, . or .. parts",
            )
        ),
    )
    kind: Kind = Field(description="plot, export, preview or dataset.")

    @model_validator(mode="after")
    def _stays_below(self) -> OutputRule:
        if {"", ".", ".."} & set(self.path.split("/")):
            raise ValueError("path must stay below /outputs: no empty, . or .. parts")
        return self


class Egress(Model):
    """A way out of the sandbox, by the name that the administrators gave it."""

    profile: ProfileName = Field(description="Name of an egress profile; the administrators say which there are.")
    reason: str = Field(
        max_length=256,
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
        description="What it is needed for, in one line; it is kept with the record of the grant.",
    )


_REPLAY_RUNS = "a replay must run: give cache: Off, or no replayOf"


def _spec_rules() -> dict[str, Any]:
    same = "has(self.{0}) == has(oldSelf.{0}) && (!has(self.{0}) || self.{0} == oldSelf.{0})"
    return rules(
        *(
            (same.format(name), f"{name} cannot be changed after creation; only cancel can. Create another job instead")
            for name in IMMUTABLE
        ),
        ("!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)", "cancel cannot be taken back"),
        ("!has(self.replayOf) || !has(self.cache) || self.cache != 'Reuse'", _REPLAY_RUNS),
    )


class AnalysisJobSpec(Model):
    """What to run. Only `cancel` can be changed after creation."""

    model_config = ConfigDict(json_schema_extra=_spec_rules())

    schema_version: str = Field(
        pattern=r"^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$",
        max_length=7,
        description='Version of this manifest\'s meaning, "1.0". A newer minor is accepted; another major is not.',
    )
    environment: EnvironmentName = Field(
        description="What to run in: python is the default version of that environment, python@2026.11 the one version "
        "(kubectl get analysisenvironments)."
    )
    source: Source = Field(description="The program.")
    args: tuple[Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")], ...] = Field(
        (), max_length=64, description="Arguments of the entrypoint."
    )
    parameters: Any = Field(None, description="Any JSON; the program finds it at /inputs/parameters.json.")
    inputs: tuple[Input, ...] = Field((), max_length=64, description="Files below /inputs, read-only.")
    outputs: tuple[OutputRule, ...] = Field(
        (),
        max_length=64,
        description="Which files of /outputs are artifacts; the first rule that fits decides. Without rules, all of them.",
    )
    previews: Previews = Field(
        Previews.AUTO,
        description="Auto: the environment makes a small picture of each plot and a head of each table, if it can. Off: it does not.",
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1), NUMBER] | None = Field(
        None, description="Seed of random numbers: in FUMEHOOD_SEED, and where the language has generators of its own, in those."
    )
    cache: Cache = Field(
        Cache.OFF,
        description="Reuse: if a job of this namespace with the same program, inputs, environment and limits succeeded, take its result.",
    )
    replay_of: ResourceName | None = Field(
        None, description="Name of a finished job that this one repeats; its status will say which artifacts are the same."
    )
    limits: Limits = Field(Limits(), description="Hard limits; what is not given comes from the environment.")
    egress: Egress | None = Field(None, description="Ask for a way out. Without it, there is no network at all.")
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31_536_000), NUMBER] | None = Field(
        None, description="Delete this resource so long after it finished. The artifacts stay. Without it, it stays."
    )
    cancel: bool = Field(False, strict=True, description="Set to true to stop the job; what it wrote until then is still harvested.")

    @model_validator(mode="after")
    def _replay_runs(self) -> AnalysisJobSpec:
        if self.replay_of is not None and self.cache is Cache.REUSE:
            raise ValueError(_REPLAY_RUNS)
        return self


# An end is an end, whoever writes the status: what was sealed could be sealed over by another run.
_OVER = "has(oldSelf.status) && has(oldSelf.status.phase) && oldSelf.status.phase in ['Succeeded', 'Failed', 'Cancelled']"
_SAME_PHASE = "has(self.status) && has(self.status.phase) && self.status.phase == oldSelf.status.phase"
_SAME_RESULT = (
    "has(self.status) && has(self.status.result) == has(oldSelf.status.result) && "
    "(!has(self.status.result) || self.status.result.manifest == oldSelf.status.result.manifest)"
)


class AnalysisJob(Model):
    """One analysis: a program, its inputs and limits; and, in its status, what came of it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (f"!({_OVER}) || ({_SAME_PHASE})", "status.phase is final and cannot be changed; create another job instead"),
            (f"!({_OVER}) || ({_SAME_RESULT})", "status.result.manifest of a job that ended cannot be changed"),
        )
    )

    metadata: ObjectMeta
    spec: AnalysisJobSpec
    status: AnalysisJobStatus = AnalysisJobStatus()
