"""The adapter keeps the contract; gnuplot, where it is installed, does what is said of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

import pytest
from fumehood_adapter_gnuplot import ADAPTER

from fumehood.core.program import DRIVER, Diagnosis, Ended, Program
from fumehood.testing.adapters import AdapterContract

FAILED = """
plot undefined_name
     ^
"main.gp" line 2: undefined variable: undefined_name
"""


class TestGnuplot(AdapterContract):
    adapter = ADAPTER
    entrypoint = "main.gp"
    failures: ClassVar = {FAILED: Diagnosis("undefined variable: undefined_name", "main.gp:2")}


def run(folder: Path, script: str, *args: str, seed: int | None = None) -> subprocess.CompletedProcess[str]:
    program = Program("main.gp", args, seed=seed)
    (folder / DRIVER).mkdir(exist_ok=True)
    for name, text in ADAPTER.prepare(program).items():
        (folder / DRIVER / name).write_text(text.replace("/outputs", str(folder)))
    (folder / "main.gp").write_text(script)
    command = ADAPTER.execute(program)
    return subprocess.run(command.argv, cwd=folder, env={"PATH": "/usr/bin", **command.env}, capture_output=True, text=True, timeout=300)


needs_gnuplot = pytest.mark.skipif(shutil.which("gnuplot", path="/usr/bin") is None, reason="gnuplot is not installed")


@needs_gnuplot
def test_a_script_draws_a_plot(tmp_path: Path) -> None:
    done = run(tmp_path, "plot sin(x) title ARG1", "a b")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@needs_gnuplot
def test_a_seed_makes_random_numbers_the_same(tmp_path: Path) -> None:
    first, again, other = (run(tmp_path, "print rand(0)", seed=seed).stderr for seed in (7, 7, 8))
    assert first == again != other


@needs_gnuplot
def test_a_failure_is_told_by_line(tmp_path: Path) -> None:
    done = run(tmp_path, "x = 1\nplot undefined_name\n")
    assert ADAPTER.diagnose(Ended(done.returncode, done.stdout, done.stderr)) == Diagnosis(
        "undefined variable: undefined_name", "main.gp:2"
    )
