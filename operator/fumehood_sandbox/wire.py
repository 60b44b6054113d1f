"""Every path, record and reason that both sides of the sandbox's border know.

The operator writes an `Order`; the collector reads it, hands a `Task` to the
runner, hears its `Claim`, and seals a `Manifest`. The `Seal` in the collector's
termination message tells the operator which manifest to believe.

Shapes: paths are POSIX and relative unless a constant below; sizes are bytes;
durations are seconds; instants are RFC 3339 in UTC; digests are "sha256:<hex>".
Text that a job could choose (names, log tails) is data, never an instruction.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from .codec import DecodeError, decode, encode, to_json

__all__ = ["DecodeError", "decode", "encode", "to_json"]

VERSION = 1

# Where things are inside the Pod. Container names and paths are contract.
PAYLOAD = "/opt/fumehood"
INTERPRETER = (
    f"{PAYLOAD}/lib/ld.so",
    "--library-path",
    f"{PAYLOAD}/lib",
    f"{PAYLOAD}/bin/python3",
    "-I",
    "-S",
    "-B",
    "-m",
    "fumehood_sandbox",
)
ORDER_DIR = "/run/fumehood"
ORDER_FILE = "order.json"
WORK, INPUTS, OUTPUTS, TMP, HOME = "/work", "/inputs", "/outputs", "/tmp", "/home/analyst"
PARAMETERS = "parameters.json"
TERMINATION_LOG = "/dev/termination-log"
COLLECTOR, ANALYSIS, PROBE = "collector", "analysis", "probe"
PORT = 7117
MANIFEST_NAME = "manifest.json"
OBJECT_DIR = "sha256/"

# What a party reads at most of another's document.
MAX_ORDER = 1_000_000  # a Secret holds 1 MiB
MAX_FRAME = 1 << 20
MAX_SEAL = 4096
MAX_ERRAND = 16 << 10
MAX_SIGHTING = 4096  # a termination message holds no more
MAX_MANIFEST = 16 << 20
MAX_NAME = 255
MAX_TAIL = 4096
MAX_REJECTIONS = 100


class Limit(enum.StrEnum):
    """What can be exceeded; the operator maps each to a reason of its own."""

    WALL_CLOCK = "wallClock"
    CPU_TIME = "cpuTime"
    MEMORY = "memory"
    DISK = "disk"
    OUTPUT = "output"
    PROCESSES = "processes"
    OPEN_FILES = "openFiles"
    FILE_SIZE = "fileSize"
    FILES = "files"
    ARTIFACTS = "artifacts"
    ARTIFACT_BYTES = "artifactBytes"
    HARVEST = "harvest"


class Ending(enum.StrEnum):
    """How the hostile program ended."""

    EXITED = "Exited"  # by itself: see exit_code
    SIGNALLED = "Signalled"  # by a signal that the runner did not send: see signal
    LIMIT = "LimitExceeded"  # killed by the runner: see breach
    TERMINATED = "Terminated"  # the Pod was told to stop (cancellation, drain)
    NOT_STARTED = "NotStarted"  # staging failed or a protection is missing: see fault
    RUNNER_LOST = "RunnerLost"  # the collector heard no claim


class Fault(enum.StrEnum):
    """Why a program was not started, or could not be sealed."""

    INPUT_MISSING = "InputMissing"
    INPUT_DIGEST = "InputDigestMismatch"
    INPUT_TOO_LARGE = "InputTooLarge"
    STORE_UNREACHABLE = "StoreUnreachable"
    STORE_REFUSED = "StoreRefused"
    SANDBOX_UNAVAILABLE = "SandboxUnavailable"
    COMMAND_NOT_FOUND = "CommandNotFound"
    RUNNER_ABSENT = "RunnerAbsent"
    INTERNAL = "Internal"


class Rejection(enum.StrEnum):
    """Why an entry of the output directory is no artifact."""

    SYMLINK = "Symlink"
    SPECIAL = "SpecialFile"
    HARD_LINK = "HardLink"
    NAME = "NameNotAllowed"
    UNREADABLE = "Unreadable"
    CHANGED = "ChangedWhileRead"
    DEPTH = "TooDeep"
    COUNT = "TooMany"
    SIZE = "TooLarge"
    COLLISION = "NameCollides"
    NOT_DECLARED = "NotDeclared"
    TIME = "NotInTime"


@dataclass(frozen=True)
class Limits:
    """Hard limits of one attempt.

    `output` is stdout and stderr together; `processes` counts threads too; `open_files` is
    for each process; `file_size` for each file; `files` are all entries of the writable folders.
    """

    wall_clock: float
    cpu_time: float
    memory: int
    disk: int
    output: int
    artifacts: int
    artifact_bytes: int
    processes: int
    open_files: int
    file_size: int
    files: int


@dataclass(frozen=True)
class Remote:
    """An object that may be fetched without credentials: a signed link, by address.

    `url` names the host as an address (the Pod has no DNS); `host` is sent as the
    Host header and checked against the certificate, with `ca` (PEM) if given.
    """

    url: str
    host: str
    ca: str | None = None


@dataclass(frozen=True)
class File:
    """One file to stage: given in `text`, or fetched from `remote`."""

    name: str
    text: str | None = None
    remote: Remote | None = None
    sha256: str | None = None
    max_bytes: int = 0


@dataclass(frozen=True)
class OutputRule:
    """Which files below /outputs are artifacts (`**` crosses folders), and of what kind."""

    path: str
    kind: str


@dataclass(frozen=True)
class Permit:
    """The right to POST objects below one prefix until it expires (an S3 POST policy)."""

    url: str
    host: str
    prefix: str
    fields: dict[str, str]
    ca: str | None = None


@dataclass(frozen=True)
class Command:
    """What the hostile program is: executed in WORK with this environment and no other."""

    argv: tuple[str, ...]
    env: dict[str, str]


@dataclass(frozen=True)
class Subject:
    """Whose attempt this is. Repeated in the manifest, and compared."""

    namespace: str
    name: str
    uid: str
    attempt: int


@dataclass(frozen=True)
class Deadlines:
    """How long the collector waits: for the runner to call, for inputs, for the artifacts to be stored.

    `sealing` comes after that, for logs and manifest, so that what is stored is never lost.
    """

    hello: float
    staging: float
    harvest: float
    sealing: float = 20.0


@dataclass(frozen=True)
class Order:
    """What the collector is told: one attempt, whole. It does not say how it arrived."""

    version: int
    subject: Subject
    environment: str
    env_version: str
    command: Command
    limits: Limits
    deadlines: Deadlines
    permit: Permit
    source: tuple[File, ...] = ()
    inputs: tuple[File, ...] = ()
    outputs: tuple[OutputRule, ...] = ()
    egress: bool = False  # the program may use the internet, as far as the network lets it
    record_violations: bool = False  # a refused system call is recorded, and does not fail the attempt


@dataclass(frozen=True)
class Sandbox:
    """The protections that the runner found in force, read from the kernel."""

    seccomp: bool
    no_new_privs: bool
    capabilities: bool  # True: all dropped
    read_only_root: bool
    user_namespace: bool
    landlock_abi: int = 0


@dataclass(frozen=True)
class Hello:
    """First word of the runner."""

    version: int
    sandbox: Sandbox
    missing: tuple[str, ...] = ()  # protections that must be there and are not


@dataclass(frozen=True)
class Task:
    """The part of the order that the runner needs."""

    command: Command
    limits: Limits
    egress: bool = False
    record_violations: bool = False


@dataclass(frozen=True)
class Breach:
    """One limit that was passed, in the limit's own unit."""

    limit: Limit
    allowed: float
    measured: float


@dataclass(frozen=True)
class Usage:
    """What the attempt consumed, as the kernel counted it."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


@dataclass(frozen=True)
class Claim:
    """What the runner says of the run. It shared a container with hostile code."""

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    breach: Breach | None = None
    fault: Fault | None = None
    detail: str | None = None
    violations: dict[str, int] = field(default_factory=dict)  # refused system call -> count
    usage: Usage = Usage()
    started_at: str | None = None
    ended_at: str | None = None


@dataclass(frozen=True)
class Artifact:
    """One sealed file: everything but its name and rule found by the collector.

    `active`: a viewer may find something to execute in it; its object is stored as
    application/octet-stream, whatever `content_type` says.
    """

    name: str
    kind: str
    format: str
    content_type: str
    digest: str
    size: int
    key: str
    active: bool = False


@dataclass(frozen=True)
class Rejected:
    """One entry that is no artifact. `escape`: it reached for something outside of /outputs."""

    name: str
    reason: Rejection
    escape: bool = False


@dataclass(frozen=True)
class Log:
    """One sealed stream: `size` bytes kept of `written`; `tail` is its end as text."""

    digest: str
    size: int
    key: str
    written: int
    truncated: bool
    tail: str = ""


@dataclass(frozen=True)
class Times:
    """When the collector saw each stage end."""

    began: str
    staged: str | None = None
    ended: str | None = None
    sealed: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The sealed result document: the last object that an attempt writes.

    `complete`: the program ended by itself, every declared output is in, nothing
    was cut. `rejected` holds the first MAX_REJECTIONS of `rejections`.
    """

    version: int
    subject: Subject
    environment: str
    env_version: str
    complete: bool
    claim: Claim
    times: Times
    artifacts: tuple[Artifact, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    rejections: int = 0
    harvest_breach: Breach | None = None
    stdout: Log | None = None
    stderr: Log | None = None
    sandbox: Sandbox | None = None
    record_violations: bool = False


@dataclass(frozen=True)
class Seal:
    """The collector's termination message: which manifest to believe, or why there is none."""

    version: int
    uid: str
    attempt: int
    digest: str | None = None
    size: int | None = None
    fault: Fault | None = None
    detail: str | None = None


class Protocol(enum.StrEnum):
    """How a target is asked: a TCP connection, or a DNS query that wants an answer."""

    TCP = "TCP"
    DNS = "DNS"


@dataclass(frozen=True)
class Target:
    """Something in the network. `open`: whether it should be reached; None if either will do."""

    name: str
    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    open: bool | None = False


@dataclass(frozen=True)
class Errand:
    """What a probe tries, round by round, until one is as it should be or `patience` is over.

    `timeout` bounds one round. Policies may be in force only a while after a Pod started.
    """

    version: int
    targets: tuple[Target, ...]
    timeout: float
    patience: float = 0.0


@dataclass(frozen=True)
class Sighting:
    """The probe's last round, in its termination message: the names of the targets that it reached."""

    version: int
    reached: tuple[str, ...]
    rounds: int
    seconds: float
