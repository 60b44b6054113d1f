"""What an attempt may use, and what it says of a limit that was passed."""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
class Breach:
    """One limit that was passed, in the limit's own unit."""

    limit: Limit
    allowed: float
    measured: float
