"""Start programs, and say what is going on."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .catalogue import ImagesError

EPOCH = 1793491200  # 2026-11-01; the time stamp of all that is built, so that equal inputs give equal images
_BEGAN = time.monotonic()
_TAIL = 25


def say(message: str) -> None:
    """One line of progress; stdout is for data."""
    print(f"[{time.monotonic() - _BEGAN:6.1f}s] {message}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say that something begins, and how long it took."""
    began = time.monotonic()
    say(f"{what} …")
    yield
    say(f"{what}: {time.monotonic() - began:.1f} s")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the cache folder: of two runs at once the later one waits."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that uses {folder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def output(command: Sequence[str]) -> str | None:
    """What a short command prints; None if it cannot be started or fails."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def run(command: Sequence[str], log: Path, extra: Mapping[str, str] | None = None) -> None:
    """Run a long command with its output in `log`.

    Raises:
        ImagesError: it failed; the message has the log's end.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), **(extra or {})}
    try:
        with log.open("wb") as file:
            done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)
    except FileNotFoundError as error:
        raise ImagesError(f"{command[0]} is not installed") from error
    if done.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-_TAIL:]
        raise ImagesError("\n".join([f"{command[0]} failed with {done.returncode} (all in {log}):", *tail]))
