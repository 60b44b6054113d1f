"""`make bench`: jobs against raw Pods of the same shape, on the same cluster, in one run.

The raw Pod is the very Pod and Secret that the operator would make (two containers,
a socket, a sandboxed child, an upload), created directly: what is measured beside
it is what the operator adds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from bench.cluster import Bench

LONE, CROWD, MANY = 10, 40, 1000


def main() -> int:
    """Return the exit code: 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=MANY, help="jobs after which the operator's memory is read (default %(default)s)")
    many = parser.parse_args().many
    table = Table("what", "raw Pod", "job", "aim", "met", title="Fumehood against raw Pods of the same shape")
    missed = False

    def row(what: str, raw: str, job: str, aim: str, met: bool) -> None:
        nonlocal missed
        missed |= not met
        table.add_row(what, raw, job, aim, "yes" if met else "NO")

    with Bench() as bench:
        _say("one warm-up of each")
        bench.raw(1)
        bench.jobs(1)
        _say(f"(a) lone, {LONE} pairs")
        raws, jobs = _pairs(LONE, lambda: bench.raw(1), lambda: bench.jobs(1))
        raw, job = statistics.median(raws), statistics.median(jobs)
        row(f"(a) lone, create → end, median of {LONE}", f"{raw:.2f} s", f"{job:.2f} s ({job / raw:.2f} ×)", "≤ 1.30 ×", job / raw <= 1.3)
        _say(f"(b) {CROWD} at once, twice each")
        raws, jobs = _pairs(2, lambda: bench.raw(CROWD), lambda: bench.jobs(CROWD))
        raw, job = CROWD / min(raws), CROWD / min(jobs)
        row(f"(b) {CROWD} at once", f"{raw:.2f}/s", f"{job:.2f}/s ({job / raw:.0%})", "≥ 90 %", job / raw >= 0.9)
        _say(f"(c) {LONE} of each, one after the other")
        raw_writes, lone = (bench.writes(partial(bench.alone, one, LONE)) for one in (bench.raw, bench.jobs))
        least, job = raw_writes.total() / LONE, lone.total() / LONE
        row("(c) API writes, a lone one", f"{least:.1f}", f"{job:.1f}", "≤ 13", job <= 13)
        _say(f"(d) {many} jobs, 50 at a time")
        writes, cpu, memory, seconds = bench.many(many)
        row(f"(d) operator's CPU per job, over {many}", "", f"{cpu * 1000 / many:.1f} ms", "≤ 50 ms", cpu / many <= 0.05)
        row(f"(d) operator's memory after {many}", "", f"{memory / 2**20:.0f} MiB", "≤ 150 MiB", memory <= 150 * 2**20)
    console = Console()
    console.print(table)
    console.print(f"{many} jobs, 50 at a time, took {seconds:.0f} s. Writes per job by kind, lone and then:")
    for kind in sorted(lone | writes, key=lambda kind: -lone[kind]):
        console.print(f"  {lone[kind] / LONE:5.2f} {writes[kind] / many:5.2f}  {kind}")
    return 1 if missed else 0


def _pairs(count: int, one: Callable[[], float], other: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Measure in turn, so that a drift of the machine meets both."""
    ones, others = [], []
    for _ in range(count):
        ones.append(one())
        others.append(other())
        time.sleep(2)  # the node tidies up
    return ones, others


def _say(text: str) -> None:
    print(f"== bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
