"""What the collector writes to the store: the result, sealed."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .claim import Claim
from .hello import Sandbox
from .limits import Breach
from .order import Provenance, Subject


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
class Artifact:
    """One sealed file: everything but its name and rule found by the collector.

    `active`: a viewer may find something to execute in it; its object is stored as
    application/octet-stream, whatever `content_type` says. `preview_of`: name of the
    artifact that it is a small picture or the head of.
    """

    name: str
    kind: str
    format: str
    content_type: str
    digest: str
    size: int
    key: str
    active: bool = False
    preview_of: str | None = None


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
class Staged:
    """One file that the program was given, as its bytes arrived."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The sealed result document: the last object that an attempt writes.

    `complete`: the program ended by itself, every declared output is in, nothing
    was cut. `source` and `inputs` are what was staged. `rejected` holds the first MAX_REJECTIONS of `rejections`.
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
    provenance: Provenance = Provenance()
    source: tuple[Staged, ...] = ()
    inputs: tuple[Staged, ...] = ()
