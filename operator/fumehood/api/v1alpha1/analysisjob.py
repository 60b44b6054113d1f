"""AnalysisJob: what to run, on what, within which limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from .common import NUMBER, FileName, Kind, Limits, Model, ObjectMeta, ProfileName, ResourceName, S3Uri, Sha256, rules
from .status import AnalysisJobStatus

MAX_FILES = 64
MAX_FILE_CHARS = 262_144
# Every field but `cancel`. `parameters` is free JSON, which CEL cannot compare;
# the chart's admission policy guards it.
IMMUTABLE = ("schemaVersion", "environment", "source", "args", "inputs", "outputs", "limits", "egress", "ttlSecondsAfterFinished")


class ConfigMapSource(Model):
    """A ConfigMap of the job's namespace; each of its keys is a file."""

    name: ResourceName = Field(description="Name of the ConfigMap.")


class S3Object(Model):
    """An object in a bucket that the operator may read."""

    uri: S3Uri = Field(description="s3://bucket/key")
    sha256: Sha256 | None = Field(None, description="Digest that the object must have; anything else is refused.")


class Source(Model):
    """The program. Exactly one of files, configMap and s3."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "[has(self.files), has(self.configMap), has(self.s3)].exists_one(given, given)",
                "give exactly one of files, configMap and s3",
            ),
            (
                "!has(self.files) || self.entrypoint in self.files",
                "entrypoint must be the name of one of the files",
            ),
        )
    )

    entrypoint: FileName = Field(description="The file to start, relative to the working directory /work.")
    files: Annotated[dict[FileName, Annotated[str, Field(max_length=MAX_FILE_CHARS)]], Field(min_length=1, max_length=MAX_FILES)] | None = (
        Field(None, description="Files by name, given here. All text of a manifest together: 640 KiB.")
    )
    config_map: ConfigMapSource | None = Field(None, description="Files from a ConfigMap of this namespace.")
    s3: S3Object | None = Field(None, description="One object; it becomes the entrypoint.")

    @model_validator(mode="after")
    def _one_of(self) -> Source:
        if [self.files is not None, self.config_map is not None, self.s3 is not None].count(True) != 1:
            raise ValueError("give exactly one of files, configMap and s3")
        if self.files is not None and self.entrypoint not in self.files:
            raise ValueError("entrypoint must be the name of one of the files")
        return self


class InlineInput(Model):
    """A small text given in the manifest itself."""

    text: str = Field(max_length=MAX_FILE_CHARS, description="The content, as text.")


class Input(Model):
    """One file below /inputs. Exactly one of inline and s3."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.inline) != has(self.s3)", "give exactly one of inline and s3"),
            ("self.name != 'parameters.json'", "the name parameters.json is taken by spec.parameters"),
        )
    )

    name: FileName = Field(description="Path relative to /inputs.")
    inline: InlineInput | None = Field(None, description="Content given here.")
    s3: S3Object | None = Field(None, description="Content of an object.")
    sha256: Sha256 | None = Field(None, description="Digest that the content must have; checked before anything starts.")

    @model_validator(mode="after")
    def _one_of(self) -> Input:
        if (self.inline is None) == (self.s3 is None):
            raise ValueError("give exactly one of inline and s3")
        if self.name == "parameters.json":
            raise ValueError("the name parameters.json is taken by spec.parameters")
        return self


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


def _immutable() -> dict[str, Any]:
    same = "has(self.{0}) == has(oldSelf.{0}) && (!has(self.{0}) || self.{0} == oldSelf.{0})"
    return rules(
        *(
            (same.format(name), f"{name} cannot be changed after creation; only cancel can. Create another job instead")
            for name in IMMUTABLE
        ),
        ("!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)", "cancel cannot be taken back"),
    )


class AnalysisJobSpec(Model):
    """What to run. Only `cancel` can be changed after creation."""

    model_config = ConfigDict(json_schema_extra=_immutable())

    schema_version: str = Field(
        pattern=r"^[0-9]{1,3}\.[0-9]{1,3}$",
        max_length=7,
        description='Version of this manifest\'s meaning, "1.0". A newer minor is accepted; another major is not.',
    )
    environment: ResourceName = Field(description="Name of an AnalysisEnvironment (kubectl get analysisenvironments).")
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
    limits: Limits = Field(Limits(), description="Hard limits; what is not given comes from the environment.")
    egress: Egress | None = Field(None, description="Ask for a way out. Without it, there is no network at all.")
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31_536_000), NUMBER] | None = Field(
        None, description="Delete this resource so long after it finished. The artifacts stay. Without it, it stays."
    )
    cancel: bool = Field(False, strict=True, description="Set to true to stop the job; what it wrote until then is still harvested.")


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
