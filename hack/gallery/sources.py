"""Fetches what the analyses come from: source distributions by pip, documents by apt. Nothing fetched is executed here.

pip and apt ask whichever registries the machine is set up with. What was fetched once
lies in the cache folder: source distributions by the lock's digest, documents by the
packages' versions.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "sources.lock"
UNBUILT = HERE / "unbuilt"
DOCUMENTS = ("texlive-latex-base", "texlive-latex-base-doc", "texlive-latex-recommended-doc")


class SourcesError(Exception):
    """What the analyses come from cannot be had; says what to do."""


def cache_folder() -> Path:
    """Where everything is that can be fetched again."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "fumehood" / "gallery"


def distributions(lock: Path = LOCK) -> Path:
    """Return the folder with the unpacked source distributions of `lock`.

    Raises:
        SourcesError: pip cannot fetch them, or they have other digests.
    """
    folder = cache_folder() / f"sdists-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    if not folder.exists():
        partial = _emptied(folder)
        _fetch(lock, partial)
        for archive in sorted(partial.glob("*.tar.gz")):
            with tarfile.open(archive) as tar:
                tar.extractall(partial, filter="data")
            archive.unlink()
        partial.rename(folder)
    return folder


def _fetch(lock: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps", "--no-binary=:all:"]
    # The interpreter that runs them is the environment's; ours may be older.
    command += ["--no-build-isolation", "--ignore-requires-python", "--dest", str(folder), "--requirement", str(lock)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(UNBUILT)}, text=True, capture_output=True, check=False)
    if done.returncode:
        raise SourcesError(f"pip cannot fetch the source distributions of {lock.name}:\n{done.stderr.strip()[-2000:]}")


def documents(packages: tuple[str, ...] = DOCUMENTS) -> Path:
    """Return the folder with the unpacked Debian packages that hold TeX Live's documents.

    Raises:
        SourcesError: this machine has no apt, or apt does not find them.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise SourcesError("TeX Live's documents come from Debian's packages, and there is no apt here; leave them out with --source")
    show = subprocess.run(["apt-cache", "show", "--no-all-versions", *packages], text=True, capture_output=True, check=False)
    if show.returncode:
        raise SourcesError(f"apt does not know {', '.join(packages)}; try apt-get update")
    digests = "".join(sorted(line for line in show.stdout.splitlines() if line.startswith("SHA256: ")))
    folder = cache_folder() / f"documents-{hashlib.sha256(digests.encode()).hexdigest()[:16]}"
    if not folder.exists():
        partial = _emptied(folder)
        done = subprocess.run(["apt-get", "download", "--quiet", *packages], cwd=partial, text=True, capture_output=True, check=False)
        if done.returncode:
            raise SourcesError(f"apt cannot fetch {', '.join(packages)}:\n{done.stderr.strip()[-2000:]}")
        for archive in sorted(partial.glob("*.deb")):
            subprocess.run(["dpkg", "--extract", str(archive), str(partial)], check=True)
            archive.unlink()
        partial.rename(folder)
    return folder


def _emptied(folder: Path) -> Path:
    """Return the folder to fill before it gets its name: half of it is never taken for all of it."""
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial
