"""Run a host program and turn its failure into a sentence."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from report import ClusterError


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """Run to the end and return stdout; raise ClusterError with stderr's last lines on failure."""
    try:
        done = subprocess.run(list(argv), input=stdin or "", env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ClusterError(f"the program {argv[0]!r} is not installed", "install it and try again") from error
    if done.returncode != 0:
        tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-12:])
        raise ClusterError(f"`{' '.join(argv)}` failed with status {done.returncode}:\n{tail}")
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a program ends with status 0; its output is dropped."""
    try:
        return subprocess.run(list(argv), stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
