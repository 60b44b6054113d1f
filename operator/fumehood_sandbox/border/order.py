"""What the operator tells the collector: one attempt, whole."""

from __future__ import annotations

from dataclasses import dataclass

from .limits import Limits
from .task import Command


@dataclass(frozen=True)
class Remote:
    """A file that may be fetched without credentials: a signed link of the store, or a page of the web.

    `url` names the host as an address (the Pod has no DNS); `host` is sent as the
    Host header and checked against the certificate.
    """

    url: str
    host: str
    web: bool = False


@dataclass(frozen=True)
class File:
    """One file to stage: given in `text` or `base64`, or fetched from `remote`."""

    name: str
    text: str | None = None
    base64: str | None = None
    remote: Remote | None = None
    sha256: str | None = None


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
class Provenance:
    """What a result rests on besides its files; repeated in the manifest.

    `image` is the environment's, by digest; `key` is that of all that can change the result.
    """

    adapter: str = ""
    image: str = ""
    seed: int | None = None
    key: str = ""


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
    web_ca: str | None = None  # PEM of who certifies the web servers that files come from; without it, the public authorities
    source: tuple[File, ...] = ()
    inputs: tuple[File, ...] = ()
    outputs: tuple[OutputRule, ...] = ()
    ignored: tuple[str, ...] = ()  # globs of what is no artifact unless a rule of `outputs` wants it
    provenance: Provenance = Provenance()
    egress: bool = False  # the program may use the internet, as far as the network lets it
    preview: Command | None = None  # makes pictures and heads of what the program left; its end is nobody's failure
    record_violations: bool = False  # a refused system call is recorded, and does not fail the attempt
