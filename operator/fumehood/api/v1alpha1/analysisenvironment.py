"""AnalysisEnvironment: what SREs offer to run analyses in."""

from __future__ import annotations

import enum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from .common import Instant, Limits, Model, ObjectMeta, ResourceName, Sha256, rules

MAX_PACKAGES = 4096
ENTRYPOINT = "{entrypoint}"
COMMAND_RULE = "command is for the adapter command"


class UserNamespaces(enum.StrEnum):
    """Whether a job's root is nobody on the node (`hostUsers: false`)."""

    AUTO = "Auto"
    REQUIRED = "Required"
    OFF = "Off"


class OnViolation(enum.StrEnum):
    """What becomes of a job whose program tried system calls that the sandbox refuses."""

    FAIL = "Fail"
    RECORD = "Record"


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$", max_length=128)]


class Ecosystem(enum.StrEnum):
    """Whose package it is: the same name may stand for other software elsewhere."""

    PYTHON = "python"
    R = "r"
    DEBIAN = "debian"
    ALPINE = "alpine"


class PackageVersion(Model):
    """A package that the image holds."""

    name: str = Field(max_length=128, description="Name of the package.")
    version: str = Field(max_length=128, description="Its version.")
    ecosystem: Ecosystem | None = Field(None, description="Whose package it is. Empty: not known.")


class Deprecation(Model):
    """A word to those who still use a version."""

    message: str = Field(max_length=512, description="Why, and what to use instead.")
    until: Instant | None = Field(None, description="From this instant on, jobs that ask for it are refused. Without it, it stays.")


class AnalysisEnvironmentSpec(Model):
    """An image by digest, how to start programs in it, and what they may consume."""

    model_config = ConfigDict(json_schema_extra=rules(("!has(self.command) || self.adapter == 'command'", COMMAND_RULE)))

    image: str = Field(
        max_length=512,
        pattern=r"^[^\x00-\x20\x7f@]{1,400}@sha256:[0-9a-f]{64}$",
        description="The image, by digest (name@sha256:…). Any Linux image will do; it needs nothing of Fumehood's.",
    )
    adapter: str = Field(
        max_length=63, pattern=r"^[a-z][a-z0-9-]*$", description="How programs are started: python, latex, r, command, or a plug-in's name."
    )
    command: tuple[Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")], ...] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description=f"What the adapter command starts; {ENTRYPOINT} stands for the job's file, and the job's args follow. "
        f'Empty: ["sh", "{ENTRYPOINT}"]. An image without a shell names its program: ["/prog", "{ENTRYPOINT}"].',
    )
    env_version: str = Field(
        max_length=63,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Name and version, e.g. python-2026.11, of what the image holds; recorded with every result, and never given twice.",
    )
    default: bool = Field(
        False,
        strict=True,
        description="Whether jobs that name this environment without a version get this one. "
        "If several say so, the newest of them; if none, the one that bears the name alone, else the newest that is not deprecated. "
        "One that is retired is never the default.",
    )
    deprecated: Deprecation | None = Field(None, description="Set it when users should move on.")
    description: str = Field("", max_length=1024, description="For whoever chooses among environments.")
    env: dict[VariableName, Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]] = Field(
        default_factory=dict,
        max_length=64,
        description="Environment variables of every program; reserved ones (HOME, TMPDIR, …) are set after these.",
    )
    runtime_class_name: ResourceName | None = Field(None, description="RuntimeClass of the Pods, e.g. gvisor. Empty: the node's default.")
    user_namespaces: UserNamespaces = Field(
        UserNamespaces.AUTO, description="Auto: where every node can. Required: no job starts without. Off: never."
    )
    on_violation: OnViolation = Field(
        OnViolation.FAIL,
        description="Fail: a refused system call fails the job as SANDBOX_VIOLATION, whatever the program makes of it. "
        "Record: it is refused and counted in the result's manifest, and the program's own end decides.",
    )
    defaults: Limits = Field(Limits(), description="Limits of jobs that do not set their own.")
    maximums: Limits = Field(Limits(), description="What a job may ask for at most.")
    packages: tuple[PackageVersion, ...] = Field((), max_length=MAX_PACKAGES, description="What the image holds, as it was found there.")
    inventory: Sha256 | None = Field(None, description="Digest of that list; two builds with the same packages have the same.")

    @model_validator(mode="after")
    def _command_has_its_adapter(self) -> Self:
        if self.command is not None and self.adapter != "command":
            raise ValueError(COMMAND_RULE)
        return self


class AnalysisEnvironment(Model):
    """A place to run analyses in, kept by the cluster's administrators."""

    metadata: ObjectMeta
    spec: AnalysisEnvironmentSpec
