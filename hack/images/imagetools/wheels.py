"""Python packages for the images: fetched and made outside of the build.

What a lock file names is downloaded once, checked against its hashes, and mounted
into the build, which needs no network for it and no pip configuration. The
project's own wheel is made with the build back end that pyproject.toml asks for.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
import tomllib
from pathlib import Path

from .process import run, step

PYTHON = "3.13"  # Debian trixie's
GLIBC = 41  # 2.41


def platforms(machine: str) -> list[str]:
    """Wheel platforms that run on the base image, newest first (pure)."""
    return [*(f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)), f"manylinux2014_{machine}", f"linux_{machine}"]


def fetch(lock: Path, cache: Path) -> Path:
    """The folder with the wheels of a lock file."""
    machine = platform.machine()
    key = hashlib.sha256(lock.read_bytes() + f"{machine} {PYTHON}".encode()).hexdigest()[:16]
    folder = cache / "wheels" / key
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    tag = f"cp{PYTHON.replace('.', '')}"
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(lock)]
    command += ["--dest", str(partial), "--python-version", PYTHON, "--implementation=cp"]
    command += [f"--abi={abi}" for abi in (tag, "abi3", "none")]
    command += [f"--platform={name}" for name in platforms(machine)]
    with step(f"fetching the wheels of {lock.name}"):
        run(command, cache / "logs" / "wheels.log")
    partial.rename(folder)
    return folder


def build_project(source: Path, target: Path, cache: Path) -> None:
    """Make the project's wheel from a staged copy of it."""
    requirements = tomllib.loads((source / "pyproject.toml").read_text())["build-system"]["requires"]
    python = _backend(requirements, cache)
    log = cache / "logs" / "project.log"
    command = [str(python), "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(target)]
    run([*command, str(source)], log)


def _backend(requirements: list[str], cache: Path) -> Path:
    """A virtual environment with the build back end."""
    key = hashlib.sha256(repr((requirements, sys.version)).encode()).hexdigest()[:8]
    folder = cache / "backend" / key
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        log = cache / "logs" / "backend.log"
        with step("build back end: " + ", ".join(requirements)):
            run([sys.executable, "-m", "venv", "--clear", str(folder)], log)
            run([str(python), "-m", "pip", "install", *requirements], log)
        done.touch()
    return python
