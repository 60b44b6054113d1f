"""What the README tells first: six analyses, each with the end and the artifacts that it is meant to have."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import ROOT

pytestmark = pytest.mark.cluster


def test_the_demo_ends_as_it_is_meant_to(environ: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "hack" / "demo")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (ROOT / "demo-output" / "co2-trend" / "trend.png").exists()
