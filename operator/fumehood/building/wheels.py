"""Python packages of an environment: fetched outside of the build, checked against the lock's hashes."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from .engine import run

GLIBC = 41  # 2.41, the newest that wheels are asked for


def fetch(lock: Path, python: str, target: Path, log: Path) -> None:
    """Download the wheels of a lock file for CPython `python` with the pip beside this program, and as it is configured.

    Raises:
        BuildError: one is not there, or has not the hash that the lock gives.
    """
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement", str(lock)]
    command += ["--dest", str(target), "--python-version", python, "--implementation=cp"]
    command += [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
    run([*command, *(f"--platform={name}" for name in platforms(platform.machine()))], log)


def platforms(machine: str) -> list[str]:
    """Return the wheel platforms of a Linux machine with glibc, newest first (pure)."""
    return [*(f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)), f"manylinux2014_{machine}", f"linux_{machine}"]
