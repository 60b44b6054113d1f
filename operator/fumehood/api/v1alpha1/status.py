"""What came of an AnalysisJob: the closed, bounded shape of its status."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field

from .common import Instant, Kind, Model

MAX_MESSAGE = 2048
MAX_ARTIFACTS = 50
MAX_CONDITIONS = 8

Seconds = Annotated[str, Field(max_length=16)]
Digest = Annotated[str, Field(max_length=71)]
Uri = Annotated[str, Field(max_length=1024)]


class Phase(enum.StrEnum):
    """Where the job is. The last three are final."""

    PENDING = "Pending"
    STARTING = "Starting"
    RUNNING = "Running"
    HARVESTING = "Harvesting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing may follow."""
        return self in FINAL_PHASES


FINAL_PHASES = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


class Category(enum.StrEnum):
    """Whose failure it is. There are no others."""

    USER_CODE_ERROR = "USER_CODE_ERROR"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    RESOURCE_LIMIT = "RESOURCE_LIMIT"
    SANDBOX_VIOLATION = "SANDBOX_VIOLATION"
    DEPENDENCY_ERROR = "DEPENDENCY_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class ConditionStatus(enum.StrEnum):
    """The three values that Kubernetes knows."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One observation, by Kubernetes' conventions."""

    type: str = Field(
        max_length=63, description="Finished, Succeeded, ArtifactsComplete, NetworkIsolated, InputsReady or EnvironmentCurrent."
    )
    status: ConditionStatus = Field(description="True, False or Unknown.")
    reason: str = Field(max_length=63, description="One word, for programs.")
    message: str = Field("", max_length=MAX_MESSAGE, description="One sentence, for people.")
    last_transition_time: Instant = Field(description="When status last changed.")
    observed_generation: int = Field(0, description="Generation of the resource that was judged.")


class TimesStatus(Model):
    """When each stage ended."""

    queued: Instant | None = Field(None, description="The resource was created.")
    started: Instant | None = Field(None, description="The Pod was created.")
    staged: Instant | None = Field(None, description="Inputs are in place, the program starts.")
    ended: Instant | None = Field(None, description="The program and all its children are gone.")
    harvested: Instant | None = Field(None, description="The manifest is sealed.")
    finished: Instant | None = Field(None, description="The result was verified and recorded.")


class DurationsStatus(Model):
    """How long each stage took, e.g. 1.25s."""

    queue: Seconds | None = Field(None, description="Waiting for a place.")
    start: Seconds | None = Field(None, description="From the Pod's creation to the program's start.")
    run: Seconds | None = Field(None, description="The program itself.")
    harvest: Seconds | None = Field(None, description="Sealing and uploading what it wrote.")
    total: Seconds | None = Field(None, description="From creation to the recorded result.")


class SandboxStatus(Model):
    """The protections that were found in force while the program ran."""

    level: str = Field(max_length=63, description="runc, userns, or the RuntimeClass's name.")
    seccomp: bool = Field(False, description="System calls were filtered.")
    landlock_abi: Annotated[int, Field(alias="landlockABI")] = Field(
        0, alias="landlockABI", description="Landlock version in force; 0 is none."
    )
    runtime_class: str = Field("", max_length=253, description="RuntimeClass of the Pod.")
    network_proof: str | None = Field(
        None, max_length=63, description="Proved: a probe found the network of the namespace's jobs shut. Disabled: nobody looked."
    )


class EgressStatus(Model):
    """The way out that was granted."""

    profile: str = Field(max_length=63, description="Which one.")
    reason: str = Field(max_length=256, description="What the job gave as its reason.")
    granted_at: Instant = Field(description="When its Pod was made.")
    until: Instant | None = Field(None, description="When the profile ends; no job gets it after that.")


class Evidence(Model):
    """What a failure rests on. Only what applies is there."""

    limit: str | None = Field(None, max_length=63, description="The limit that was passed.")
    allowed: str | None = Field(None, max_length=63, description="What it allowed.")
    measured: str | None = Field(None, max_length=63, description="What was measured.")
    exit_code: int | None = Field(None, description="Exit code of the program.")
    signal: int | None = Field(None, description="Signal that ended it.")
    container: str | None = Field(None, max_length=63, description="Container that Kubernetes reports about.")
    system_calls: dict[str, int] | None = Field(None, max_length=64, description="Refused system calls and how often.")
    entry: str | None = Field(None, max_length=255, description="Entry of /outputs, or input, that it is about.")
    location: str | None = Field(None, max_length=255, description="File and line of the program, as its language reported it.")
    package: str | None = Field(None, max_length=128, description="Package that the environment does not have.")
    environments: tuple[Annotated[str, Field(max_length=63)], ...] | None = Field(
        None, max_length=16, description="Environments that have it."
    )
    missing: tuple[Annotated[str, Field(max_length=63)], ...] | None = Field(
        None, max_length=16, description="Protections that were not there."
    )


class FailureStatus(Model):
    """Why it failed."""

    category: Category = Field(description="Whose failure it is.")
    reason: str = Field(max_length=63, description="One word of a closed list.")
    message: str = Field("", max_length=MAX_MESSAGE, description="For people: what happened and what to do.")
    evidence: Evidence = Field(Evidence(), description="What this rests on.")


class ManifestStatus(Model):
    """The sealed result document."""

    uri: Uri = Field(description="Where it is.")
    digest: Digest = Field(description="sha256 of its bytes.")
    complete: bool = Field(description="False: the program was stopped, or something was cut or refused.")


class ArtifactStatus(Model):
    """One sealed file."""

    name: str = Field(max_length=1024, description="Path below /outputs.")
    kind: Kind = Field(description="plot, export, preview or dataset.")
    format: str = Field(max_length=63, description="Found by its bytes.")
    digest: Digest = Field(description="sha256 of its bytes.")
    size: int = Field(description="Bytes.")
    content_type: str = Field(max_length=127, description="Media type.")
    active: bool = Field(False, description="It may hold what a viewer would execute: scripts, handlers, references elsewhere.")
    preview_of: str = Field(
        "", max_length=1024, description="Name of the artifact that this is a small picture or the head of; else empty."
    )
    uri: Uri = Field(description="Where it is.")


class LogStatus(Model):
    """One sealed stream."""

    uri: Uri = Field(description="Where it is.")
    digest: Digest = Field(description="sha256 of its bytes.")
    size: int = Field(description="Bytes kept.")
    truncated: bool = Field(description="Whether more was written than kept.")


class LogsStatus(Model):
    """What the program printed."""

    stdout: LogStatus | None = Field(None, description="Standard output.")
    stderr: LogStatus | None = Field(None, description="Standard error.")


class UsageStatus(Model):
    """What was consumed, as the kernel counted it."""

    cpu_seconds: float = Field(0.0, description="CPU time of all processes.")
    peak_memory_bytes: int = Field(0, description="Highest memory use.")
    artifact_bytes: int = Field(0, description="Size of all artifacts.")


class CacheStatus(Model):
    """Whether the result is another job's."""

    key: Digest | None = Field(None, description="Digest of all that can change the result, if that is known before the job runs.")
    hit: bool = Field(description="True: the result was taken from the job named here, and nothing was run.")
    job: str | None = Field(None, max_length=253, description="Name of the job that made the result.")
    uid: str | None = Field(None, max_length=63, description="Its UID; a part of the artifacts' URIs.")
    attempt: int | None = Field(None, description="Which try of it; a part of the artifacts' URIs.")
    reason: str = Field("", max_length=512, description="Why nothing was taken.")


class Sameness(enum.StrEnum):
    """What became of one artifact in a replay."""

    SAME = "Same"
    DIFFERENT = "Different"
    MISSING = "Missing"
    ADDED = "Added"


class ReplayedArtifact(Model):
    """One artifact of a job and of its replay."""

    name: str = Field(max_length=1024, description="Path below /outputs.")
    verdict: Sameness = Field(description="Same, Different, Missing (now), or Added (now).")
    reason: str = Field("", max_length=512, description="Why it differs, where that can be known.")


class ReplayStatus(Model):
    """What a replay found."""

    job: str = Field(max_length=253, description="Name of the job that was repeated.")
    uid: str = Field(max_length=63, description="Its UID; empty if there was nothing to compare with.")
    reproduced: bool = Field(description="Every artifact has the digest that it had.")
    same: int = Field(0, description="How many artifacts are the same.")
    different: int = Field(0, description="How many are not, are missing or are new.")
    artifacts: tuple[ReplayedArtifact, ...] = Field((), max_length=MAX_ARTIFACTS, description="One by one, those that differ first.")
    reasons: tuple[Annotated[str, Field(max_length=512)], ...] = Field(
        (), max_length=16, description="What was not as it was the first time: inputs, environment, seed, limits."
    )


class ResultStatus(Model):
    """What was harvested."""

    manifest: ManifestStatus = Field(description="The whole truth; this is its summary.")
    artifact_count: int = Field(0, description="How many artifacts the manifest holds, previews not counted.")
    artifacts: tuple[ArtifactStatus, ...] = Field(
        (), max_length=MAX_ARTIFACTS, description=f"The first {MAX_ARTIFACTS}; all are in the manifest."
    )
    logs: LogsStatus = Field(LogsStatus(), description="What the program printed.")
    usage: UsageStatus = Field(UsageStatus(), description="What was consumed.")


class AnalysisJobStatus(Model):
    """Written by the operator alone."""

    observed_generation: int | None = Field(None, description="Generation that this status speaks of.")
    phase: Phase | None = Field(None, description="Pending, Starting, Running, Harvesting; then Succeeded, Failed or Cancelled for good.")
    conditions: Annotated[
        tuple[Condition, ...],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}, max_length=MAX_CONDITIONS),
    ] = Field((), description="Finished, Succeeded, ArtifactsComplete, NetworkIsolated, InputsReady, EnvironmentCurrent.")
    attempt: int | None = Field(None, description="Which try this is.")
    env_version: str | None = Field(None, max_length=63, description="Version of the environment that was used.")
    times: TimesStatus | None = Field(None, description="When each stage ended.")
    durations: DurationsStatus | None = Field(None, description="How long each stage took.")
    sandbox: SandboxStatus | None = Field(None, description="Protections in force.")
    egress: EgressStatus | None = Field(None, description="The way out that was granted.")
    failure: FailureStatus | None = Field(None, description="Why it failed.")
    cache: CacheStatus | None = Field(None, description="Whether the result is another job's.")
    replay: ReplayStatus | None = Field(None, description="Whether the job that this one repeats gave the same.")
    result: ResultStatus | None = Field(None, description="What was harvested.")

    @property
    def final(self) -> bool:
        """Whether nothing may follow."""
        return self.phase is not None and self.phase.final
