"""A folder in which programs run as the Python adapter has them run, without a sandbox around it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fumehood.adapters.python import ADAPTER
from fumehood.core.plan import BASE_ENVIRONMENT
from fumehood.core.program import DRIVER, Program
from fumehood_sandbox import wire

PATIENCE = 300  # seconds that nothing takes which goes well
LIMITS = wire.Limits(
    wall_clock=600.0,
    cpu_time=600.0,
    memory=1 << 30,
    disk=1 << 28,
    output=1 << 20,
    artifacts=100,
    artifact_bytes=1 << 28,
    processes=64,
    open_files=256,
    file_size=1 << 27,
    files=10_000,
)


class Sandbox:
    """Its folders, and the outcome of the last program."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work, self.outputs, self.home, self.tmp = (root / name for name in ("work", "outputs", "home", "tmp"))
        for folder in (self.work, self.outputs, self.home, self.tmp):
            folder.mkdir(parents=True)

    def run(
        self,
        files: Mapping[str, str | bytes],
        *args: str,
        entrypoint: str = "",
        env: Mapping[str, str] | None = None,
        seed: int | None = None,
        previews: bool = False,
        limits: wire.Limits = LIMITS,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Stage `files`, run the first of them, or the entrypoint; a failure is raised with what it printed."""
        program = Program(entrypoint or next(iter(files)), args, seed=seed, previews=previews, limits=limits)
        staged = {f"{DRIVER}/{name}": text for name, text in ADAPTER.prepare(program).items()}
        for name, content in {**staged, **files}.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        command = ADAPTER.execute(program)
        variables = {name: value.replace(wire.WORK, str(self.work)) for name, value in command.env.items()}
        own = {"HOME": str(self.home), "TMPDIR": str(self.tmp), "FUMEHOOD_OUTPUTS": str(self.outputs)}
        if seed is not None:
            own["FUMEHOOD_SEED"] = str(seed)
        done = subprocess.run(
            [sys.executable, *command.argv[1:]],
            cwd=self.work,
            env={**BASE_ENVIRONMENT, **variables, **own, **(env or {})},
            stdin=subprocess.DEVNULL,
            text=True,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        assert not check or done.returncode == 0, done.stderr
        if previews:
            self.preview(program, own | dict(env or {}))
        return done

    def preview(self, program: Program, env: Mapping[str, str]) -> None:
        """Make previews, with as much memory as the smallest job has for them; whatever comes of it."""
        command = ADAPTER.preview(program)
        assert command is not None
        bounds = ["sh", "-c", 'ulimit -d 131072; ulimit -t 10; exec "$@"', "sh"]
        subprocess.run(
            [*bounds, sys.executable, *command.argv[1:]],
            cwd=self.work,
            env={**BASE_ENVIRONMENT, **command.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=PATIENCE,
        )

    def script(self, code: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run one file, main.py."""
        return self.run({"main.py": code}, **options)

    def left(self) -> dict[str, bytes]:
        """What lies below /outputs."""
        return {str(path.relative_to(self.outputs)): path.read_bytes() for path in sorted(self.outputs.rglob("*")) if path.is_file()}


def plainly(code: str, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a file of that code without anything of ours, to compare with."""
    path = folder / "main.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(code)
    env = {**BASE_ENVIRONMENT, "HOME": str(folder), "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}
    return subprocess.run(
        [sys.executable, "main.py", *args], cwd=folder, env=env, text=True, capture_output=True, check=False, timeout=PATIENCE
    )


def notebook(*cells: str | list[str], tags: Mapping[int, list[str]] | None = None, **fields: Any) -> str:
    """Return a notebook of code cells; `tags` by the cell's place."""
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "id": f"cell-{place}",
                "cell_type": "code",
                "metadata": {"tags": tags[place]} if tags and place in tags else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for place, source in enumerate(cells)
        ],
        **fields,
    }
    return json.dumps(document)
