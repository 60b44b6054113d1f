"""gVisor: built only when asked for, in a module of its own.

One file of a dependency has to be replaced (gvisor/overlay says why). An overlay
may not name files inside Go's module cache, so the module is vendored first.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from embedded import programs
from embedded.build import cache_home, draft_folder, go, go_build, require_go
from embedded.programs import Program
from report import say

SOURCE = Path(__file__).resolve().parents[1] / "gvisor"
REPLACED = "vendor/github.com/containerd/containerd/v2/pkg/sys/oom_linux.go"
MODULE = "gvisor.dev/gvisor"


def catalogue(go_mod: str) -> list[Program]:
    """The two programs; the shim is named as containerd looks for it."""
    version = programs.pinned(go_mod, MODULE)
    stamp = {f"{MODULE}/runsc/version.version": version}
    return [
        Program("gvisor", version, (f"{MODULE}/runsc",), ("runsc",), False, stamps=stamp),
        Program("gvisor-shim", version, (f"{MODULE}/shim",), ("containerd-shim-runsc-v1",), False, stamps=stamp),
    ]


def folder() -> Path:
    """Where the binaries of the current pins are kept."""
    files = programs.sources(SOURCE)
    flags = catalogue(files["go.mod"].decode())
    return cache_home() / f"gvisor-{programs.digest(files, flags)}"


def build() -> None:
    """Build what is missing."""
    target = folder()
    wanted = catalogue((SOURCE / "go.mod").read_text())
    if all((target / name).exists() for program in wanted for name in program.binaries):
        return
    require_go()
    say("building gvisor")
    began = time.monotonic()
    with draft_folder(target) as draft:
        module = _vendored(Path(draft) / "module")
        for program in wanted:
            go_build(program, module, Path(draft), ("-mod=vendor", "-overlay", str(module / "overlay.json")))
            for name in program.binaries:
                os.replace(Path(draft) / name, target / name)
    say(f"built gvisor in {time.monotonic() - began:.0f} s")


def _vendored(module: Path) -> Path:
    """A copy of the module with all dependencies inside, and the overlay's description."""
    shutil.copytree(SOURCE, module)
    go(["mod", "vendor"], module)
    replacement = {str(module / REPLACED): str(module / "overlay" / "oom_linux.go")}
    (module / "overlay.json").write_text(json.dumps({"Replace": replacement}))
    return module
