"""The closed list of reasons a job can fail for, and whose failure each is."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..api.v1alpha1 import Category, Evidence


class Reason(enum.StrEnum):
    """Why, in one word. `CATEGORY` says whose failure each is, `MEANING` what it means."""

    NON_ZERO_EXIT = "NonZeroExit"
    KILLED_BY_SIGNAL = "KilledBySignal"

    SCHEMA_VERSION_UNSUPPORTED = "SchemaVersionUnsupported"
    SPEC_INVALID = "SpecInvalid"
    ENVIRONMENT_UNKNOWN = "EnvironmentUnknown"
    ENVIRONMENT_RETIRED = "EnvironmentRetired"
    LIMIT_ABOVE_MAXIMUM = "LimitAboveMaximum"
    EGRESS_NOT_ALLOWED = "EgressNotAllowed"
    SOURCE_INVALID = "SourceInvalid"
    INPUT_NOT_ALLOWED = "InputNotAllowed"
    INPUT_DIGEST_MISMATCH = "InputDigestMismatch"
    INPUT_TOO_LARGE = "InputTooLarge"

    WALL_CLOCK_EXCEEDED = "WallClockExceeded"
    CPU_TIME_EXCEEDED = "CpuTimeExceeded"
    OUT_OF_MEMORY = "OutOfMemory"
    DISK_EXCEEDED = "DiskExceeded"
    OUTPUT_EXCEEDED = "OutputExceeded"
    PROCESSES_EXCEEDED = "ProcessesExceeded"
    OPEN_FILES_EXCEEDED = "OpenFilesExceeded"
    FILE_SIZE_EXCEEDED = "FileSizeExceeded"
    FILES_EXCEEDED = "FilesExceeded"
    TOO_MANY_ARTIFACTS = "TooManyArtifacts"
    ARTIFACT_BYTES_EXCEEDED = "ArtifactBytesExceeded"
    HARVEST_TIME_EXCEEDED = "HarvestTimeExceeded"

    SYSTEM_CALL_REFUSED = "SystemCallRefused"
    ARTIFACT_REJECTED = "ArtifactRejected"

    SOURCE_MISSING = "SourceMissing"
    INPUT_MISSING = "InputMissing"
    INPUT_UNAVAILABLE = "InputUnavailable"
    PACKAGE_MISSING = "PackageMissing"
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    COMMAND_NOT_FOUND = "CommandNotFound"

    SANDBOX_UNAVAILABLE = "SandboxUnavailable"
    NOT_STARTED_IN_TIME = "NotStartedInTime"
    POD_REFUSED = "PodRefused"
    POD_LOST = "PodLost"
    POD_EVICTED = "PodEvicted"
    POD_STOPPED = "PodStopped"
    RUNNER_LOST = "RunnerLost"
    COLLECTOR_LOST = "CollectorLost"
    STORE_UNAVAILABLE = "StoreUnavailable"
    MANIFEST_INVALID = "ManifestInvalid"
    INTERNAL = "Internal"


_MEMBERS: dict[Category, tuple[Reason, ...]] = {
    Category.USER_CODE_ERROR: (Reason.NON_ZERO_EXIT, Reason.KILLED_BY_SIGNAL),
    Category.VALIDATION_ERROR: (
        Reason.SCHEMA_VERSION_UNSUPPORTED,
        Reason.SPEC_INVALID,
        Reason.ENVIRONMENT_UNKNOWN,
        Reason.ENVIRONMENT_RETIRED,
        Reason.LIMIT_ABOVE_MAXIMUM,
        Reason.EGRESS_NOT_ALLOWED,
        Reason.SOURCE_INVALID,
        Reason.INPUT_NOT_ALLOWED,
        Reason.INPUT_DIGEST_MISMATCH,
        Reason.INPUT_TOO_LARGE,
    ),
    Category.RESOURCE_LIMIT: (
        Reason.WALL_CLOCK_EXCEEDED,
        Reason.CPU_TIME_EXCEEDED,
        Reason.OUT_OF_MEMORY,
        Reason.DISK_EXCEEDED,
        Reason.OUTPUT_EXCEEDED,
        Reason.PROCESSES_EXCEEDED,
        Reason.OPEN_FILES_EXCEEDED,
        Reason.FILE_SIZE_EXCEEDED,
        Reason.FILES_EXCEEDED,
        Reason.TOO_MANY_ARTIFACTS,
        Reason.ARTIFACT_BYTES_EXCEEDED,
        Reason.HARVEST_TIME_EXCEEDED,
    ),
    Category.SANDBOX_VIOLATION: (Reason.SYSTEM_CALL_REFUSED, Reason.ARTIFACT_REJECTED),
    Category.DEPENDENCY_ERROR: (
        Reason.SOURCE_MISSING,
        Reason.INPUT_MISSING,
        Reason.INPUT_UNAVAILABLE,
        Reason.PACKAGE_MISSING,
        Reason.IMAGE_UNAVAILABLE,
        Reason.COMMAND_NOT_FOUND,
    ),
}
CATEGORY: dict[Reason, Category] = {reason: Category.INTERNAL_ERROR for reason in Reason} | {
    reason: category for category, reasons in _MEMBERS.items() for reason in reasons
}

MEANING: dict[Reason, str] = {
    Reason.NON_ZERO_EXIT: "The program ended with another code than 0. The message ends with the tail of its stderr.",
    Reason.KILLED_BY_SIGNAL: "The program was ended by a signal that was not ours, e.g. its own abort.",
    Reason.SCHEMA_VERSION_UNSUPPORTED: "`spec.schemaVersion` is of another major version.",
    Reason.SPEC_INVALID: "A field cannot be granted; the message names it.",
    Reason.ENVIRONMENT_UNKNOWN: "There is no such AnalysisEnvironment, or this operator cannot use it.",
    Reason.ENVIRONMENT_RETIRED: "This version of the environment may not be used any more; the message says what to use instead.",
    Reason.LIMIT_ABOVE_MAXIMUM: "A limit is above the environment's maximum.",
    Reason.EGRESS_NOT_ALLOWED: "There is no such egress profile, it is not for this namespace, it has ended, or it does not open what an "
    "`https` input names.",
    Reason.SOURCE_INVALID: "The source's files have bad names, lack the entrypoint or are too large to hand over.",
    Reason.INPUT_NOT_ALLOWED: "An input is in a bucket, or a part of one, that this namespace may not read.",
    Reason.INPUT_DIGEST_MISMATCH: "An input does not have the sha256 that the job gives.",
    Reason.INPUT_TOO_LARGE: "An input, or all of them together, or the source, is larger than `limits.disk`.",
    Reason.WALL_CLOCK_EXCEEDED: "The program ran longer than `limits.wallClock`.",
    Reason.CPU_TIME_EXCEEDED: "Its processes used more CPU time than `limits.cpuTime`.",
    Reason.OUT_OF_MEMORY: "It used more memory than `limits.memory`.",
    Reason.DISK_EXCEEDED: "It wrote more than `limits.disk`.",
    Reason.OUTPUT_EXCEEDED: "It printed more than `limits.output`.",
    Reason.PROCESSES_EXCEEDED: "It had more processes and threads at once than `limits.processes`.",
    Reason.OPEN_FILES_EXCEEDED: "One of its processes had more files open than `limits.openFiles`, and was seen with them.",
    Reason.FILE_SIZE_EXCEEDED: "One of its files was larger than `limits.fileSize`.",
    Reason.FILES_EXCEEDED: "It made more files and folders than `limits.files`.",
    Reason.TOO_MANY_ARTIFACTS: "It left more files than `limits.artifacts`.",
    Reason.ARTIFACT_BYTES_EXCEEDED: "Its artifacts are larger than `limits.artifactBytes` together.",
    Reason.HARVEST_TIME_EXCEEDED: "Its artifacts could not all be stored within `limits.harvest`; those that were are kept.",
    Reason.SYSTEM_CALL_REFUSED: "It tried what the sandbox forbids, e.g. a socket. The evidence counts the calls; `unknown` ended it.",
    Reason.ARTIFACT_REJECTED: "/outputs held an entry that reaches outside of it, e.g. a link to a host's file.",
    Reason.SOURCE_MISSING: "What `spec.source` names does not exist.",
    Reason.INPUT_MISSING: "What an input names does not exist: an object, a ConfigMap, a job or its artifact.",
    Reason.INPUT_UNAVAILABLE: "The web server of an `https` input did not give it; the message says why.",
    Reason.PACKAGE_MISSING: "The program asked for a package that its environment does not have; the evidence names those that have it.",
    Reason.IMAGE_UNAVAILABLE: "A node cannot get an image.",
    Reason.COMMAND_NOT_FOUND: "The environment's image lacks the command that its adapter starts.",
    Reason.SANDBOX_UNAVAILABLE: "A protection that must be in force is missing, so nothing was started.",
    Reason.NOT_STARTED_IN_TIME: "No node had room, or none started the Pod within `deadlines.start`.",
    Reason.POD_REFUSED: "The API server, or an admission policy of the cluster, refuses the Pod.",
    Reason.POD_LOST: "The Pod is gone, or its node is silent, and no result was sealed.",
    Reason.POD_EVICTED: "The node was short of a resource.",
    Reason.POD_STOPPED: "The Pod was told to stop: a drain, a preemption or a deletion.",
    Reason.RUNNER_LOST: "The analysis container ended without a report; what it had written is kept.",
    Reason.COLLECTOR_LOST: "The collector ended without sealing a manifest.",
    Reason.STORE_UNAVAILABLE: "The artifact store did not answer, or refused.",
    Reason.MANIFEST_INVALID: "The sealed manifest does not have its digest or is of another attempt.",
    Reason.INTERNAL: "A part of Fumehood failed.",
}


@dataclass(frozen=True)
class Failure:
    """One failed job's verdict; `message` is for people and already fit to show."""

    reason: Reason
    message: str
    evidence: Evidence = Evidence()

    @property
    def category(self) -> Category:
        """Whose failure it is."""
        return CATEGORY[self.reason]


class Refused(Exception):
    """A manifest that cannot become a plan. Carries the verdict; never retried."""

    def __init__(self, reason: Reason, message: str, evidence: Evidence = Evidence()) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message, evidence)
