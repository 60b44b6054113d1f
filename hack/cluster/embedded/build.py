"""Compile the programs into a cache that all checkouts of a user share.

The cache folder is named by the digest of pins, sources and flags, so a binary in
it is right by its place alone. Each one is built beside its place and renamed:
a killed build leaves no half binary, and the next one goes on where it stopped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from embedded import programs
from embedded.programs import Program
from report import ClusterError, say

DRAFT_AGE = 24 * 3600  # seconds
KEEP = 14 * 24 * 3600  # seconds
PAUSE_SOURCE = programs.SOURCE / "pause.c"


def cache_home() -> Path:
    """Where binaries of all versions are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "fumehood" / "programs"


class Builder:
    """Builds what is missing in the cache folder of the current pins."""

    def __init__(self) -> None:
        files = programs.sources(programs.SOURCE)
        self.catalogue = programs.catalogue(files["go.mod"].decode())
        files["pause.c"] = PAUSE_SOURCE.read_bytes()
        self.folder = cache_home() / programs.digest(files, self.catalogue)

    def versions(self) -> dict[str, str]:
        """Binary or link -> pinned version; our own small mains have that of the library they wire."""
        return {name: program.version for program in self.catalogue for name in (*program.binaries, *program.links)}

    def missing(self, wanted: Iterable[Program]) -> list[Program]:
        """Those of ``wanted`` that still have to be built."""
        return [program for program in wanted if not self._is_built(program)]

    def _is_built(self, program: Program) -> bool:
        return all((self.folder / name).exists() for name in (*program.binaries, *program.links))

    def first(self) -> list[Program]:
        """What the node cannot start without."""
        return [program for program in self.catalogue if program.needs_first]

    def later(self) -> list[Program]:
        """What may still compile while the node starts."""
        return [program for program in self.catalogue if not program.needs_first]

    def build(self, wanted: Iterable[Program]) -> None:
        """Build what is missing of ``wanted``, one after the other: each uses all cores."""
        for program in self.missing(wanted):
            position = self.catalogue.index(program) + 1
            say(f"building {program.name} ({position} of {len(self.catalogue)})")
            began = time.monotonic()
            self._build_one(program)
            say(f"built {program.name} in {time.monotonic() - began:.0f} s")
        self._build_pause()

    def _build_one(self, program: Program) -> None:
        require_go()
        with draft_folder(self.folder) as draft:
            go_build(program, programs.SOURCE, Path(draft))
            for link in program.links:
                (Path(draft) / link).symlink_to(program.binaries[0])
            for name in (*program.binaries, *program.links):
                os.replace(Path(draft) / name, self.folder / name)

    def _build_pause(self) -> None:
        """The process that holds a Pod's namespaces: a static C program."""
        if (self.folder / "pause").exists():
            return
        with draft_folder(self.folder) as draft:
            target = Path(draft) / "pause"
            compile_command = ["gcc", "-Os", "-static", "-s", "-o", str(target), str(PAUSE_SOURCE)]
            done = subprocess.run(compile_command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode != 0:
                raise ClusterError(f"the pause program does not compile:\n{done.stderr.strip()}")
            os.replace(target, self.folder / "pause")


def prune(used: Iterable[Path]) -> None:
    """Forget binaries that no checkout has used for two weeks; ``used`` are marked as used now."""
    for folder in used:
        os.utime(folder)
    for folder in cache_home().iterdir():
        if folder.stat().st_mtime < time.time() - KEEP:
            shutil.rmtree(folder, ignore_errors=True)


def draft_folder(beside: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder on the same file system as ``beside``, so that a rename is atomic."""
    beside.mkdir(parents=True, exist_ok=True)
    for stale in beside.glob(".draft-*"):  # of a build that was killed
        if stale.stat().st_mtime < time.time() - DRAFT_AGE:
            shutil.rmtree(stale, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=".draft-", dir=beside)


def require_go() -> None:
    """Fail with what to do unless a Go toolchain is there."""
    if shutil.which("go") is None:
        raise ClusterError(
            "there is no Go toolchain (`go`) on PATH, and the cluster's programs are not built yet",
            "install Go 1.26 or newer, then try again",
        )


def go_build(program: Program, module: Path, target: Path, extra: Iterable[str] = ()) -> None:
    """One `go build` of ``program`` in ``module`` into the folder ``target``."""
    single = len(program.packages) == 1
    output = str(target / program.binaries[0]) if single else f"{target}/"
    tags = ["-tags", program.tags] if program.tags else []
    flags = ["-trimpath", *tags, *extra, "-ldflags", program.linker_flags, "-o", output]
    go(["build", *flags, *program.packages], module, cgo=program.cgo)


def go(arguments: list[str], module: Path, *, cgo: bool = False) -> None:
    """Run the Go toolchain in ``module``; its own words on failure."""
    environment = {**os.environ, "CGO_ENABLED": "1" if cgo else "0", "GOFLAGS": "", "GOWORK": "off"}
    # A killed `up` takes its compiler along; the next one would work against it.
    guard = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    done = subprocess.run(
        [*guard, "go", *arguments],
        cwd=module,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise ClusterError(
            f"`go {' '.join(arguments[:1])}` in {module} failed:\n{tail}",
            "check the disk (df -h) and that Go modules can be fetched (go env GOPROXY), then try again",
        )
