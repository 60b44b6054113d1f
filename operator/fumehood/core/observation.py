"""What an executor saw of an attempt's sandbox, as plain facts; the best evidence there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fumehood_sandbox import wire


@dataclass(frozen=True)
class ContainerFacts:
    """One container as the kubelet reports it. `message` is its termination message."""

    name: str
    started: bool = False
    terminated: bool = False
    waiting: str = ""
    reason: str = ""
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class SandboxFacts:
    """One attempt's sandbox.

    `ended`: no process of it is left. `gone_by`: when all of its deadlines are over,
    so that nothing more can be heard of it. `stopping`: it was asked to end. `egress`:
    the profile that opens it, if one does. `network_proof`: Proved or Disabled, as it
    was when the sandbox was made.
    """

    name: str
    uid: str
    job_uid: str
    attempt: int
    created_at: datetime
    phase: str = ""
    reason: str = ""
    message: str = ""
    ended: bool = False
    gone_by: datetime | None = None
    stopping: bool = False
    deleting: bool = False
    deletion_grace: int | None = None
    scheduled: bool = False
    unschedulable: str = ""
    runtime_class: str = ""
    egress: str = ""
    network_proof: str = ""
    memory_limit: int | None = None
    collector: ContainerFacts = ContainerFacts(wire.COLLECTOR)
    analysis: ContainerFacts = ContainerFacts(wire.ANALYSIS)

    @property
    def seal(self) -> wire.Seal | None:
        """The collector's last word, if it is one about this attempt."""
        if not self.collector.terminated:
            return None
        try:
            seal = wire.decode(wire.Seal, self.collector.message.encode(errors="replace"), max_bytes=wire.MAX_SEAL)
        except wire.DecodeError:
            return None
        return seal if (seal.uid, seal.attempt) == (self.job_uid, self.attempt) else None
