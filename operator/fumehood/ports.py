"""The seams to the outside, as small protocols; tests and plug-ins stand behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from fumehood_sandbox import wire

from .core.observation import SandboxFacts
from .core.plan import Plan
from .core.program import Diagnosis, Ended, Program

Json = dict[str, Any]


@dataclass(frozen=True)
class Stored:
    """One object: `digest` (sha256:…) is what the store checked its upload against; None if it keeps no such thing."""

    size: int
    digest: str | None


class Clock(Protocol):
    """Where the time comes from."""

    def __call__(self) -> datetime:
        """Return the present instant, in UTC."""


class Adapter(Protocol):
    """Knows one language: describes how to run it, never runs it. Every answer follows from the argument alone."""

    def prepare(self, program: Program) -> Mapping[str, str]:
        """Return files, name to text, that are staged beside the program in the folder DRIVER."""

    def execute(self, program: Program) -> wire.Command:
        """Return the command that starts the program; it is executed in the working directory."""

    def preview(self, program: Program) -> wire.Command | None:
        """Return the command that makes previews of what is in /outputs, once the program is gone; None: there are none.

        It is executed as the program is, within half of what that left of its time and half of its memory, as
        long as it does not write more than files of 1 MiB; nobody reads what it prints, or how it ends.
        """

    def collect_outputs(self, program: Program) -> tuple[wire.OutputRule, ...]:
        """Return the rules for a job that gives none; empty: every file of /outputs is an artifact."""

    def cleanup(self, program: Program) -> tuple[str, ...]:
        """Return globs of what the language leaves in /outputs that is nobody's result, unless a job's own rule wants it."""

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """Return what the language's own messages say of a failure; None if they say nothing."""


class ArtifactStore(Protocol):
    """Where artifacts live. Signing is local; only `list`, `read`, `write` and `stored` talk to it."""

    bucket: str

    def permit(self, prefix: str, max_object: int, lifetime: float) -> wire.Permit:
        """Return the right to create objects below `prefix`, each of at most `max_object` bytes."""

    def link(self, uri: str, lifetime: float) -> wire.Remote:
        """Return a link by which `uri` (s3://bucket/key) can be fetched without credentials."""

    async def list(self, uri: str, most: int) -> tuple[str, ...]:
        """Return the keys below `uri` (s3://bucket/folder/) without that prefix, in order, `most` at most.

        Raises:
            Unavailable: the store does not answer.
        """

    async def read(self, key: str, max_bytes: int) -> bytes:
        """Return an object of the artifact bucket.

        Raises:
            NotFound: there is none.
            Unavailable: the store does not answer.
            Invalid: it is larger than `max_bytes`.
        """

    async def write(self, key: str, content: bytes) -> None:
        """Put a small object into the artifact bucket, in the place of one that is there.

        Raises:
            Unavailable: the store does not answer.
        """

    async def stored(self, key: str) -> Stored:
        """Return what the store knows of an object of the artifact bucket, without reading it.

        Raises:
            NotFound: there is none.
            Unavailable: the store does not answer.
        """


class Executor(Protocol):
    """Runs plans somewhere. Everything is idempotent; the name of a sandbox follows from job UID and attempt."""

    async def launch(self, plan: Plan, order: bytes, owner: Json) -> SandboxFacts:
        """Make the sandbox, or find the one that is there already.

        Raises:
            Refused: it cannot be made like this, now or later.
            Retryable: not now.
        """

    async def observe(self, namespace: str, job_name: str, job_uid: str, attempt: int) -> SandboxFacts | None:
        """Return what is there, or None."""

    async def stop(self, namespace: str, sandbox: SandboxFacts) -> SandboxFacts | None:
        """Ask the sandbox to end the program and to seal what there is; return what is then there."""

    async def release(self, namespace: str, sandbox: SandboxFacts) -> None:
        """Remove the sandbox and everything that was made for it."""


class Cluster(Protocol):
    """The part of the Kubernetes API that the control plane speaks, as JSON documents."""

    async def get(self, path: str) -> Json:
        """Return an object."""

    async def create(self, path: str, body: Json) -> Json:
        """Create an object below a collection's path."""

    async def replace(self, path: str, body: Json) -> Json:
        """Replace an object."""

    async def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        """Merge `body` into an object."""

    async def delete(self, path: str, uid: str | None = None, grace: int | None = None) -> None:
        """Delete an object, if `uid` is given only the one that has it; one that is gone already is no error."""
