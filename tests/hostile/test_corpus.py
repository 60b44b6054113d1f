"""Every behaviour on the real cluster, at every level of isolation.

All jobs of a level are on their way at once, and each test looks at one result.
A level belongs to one worker: it has a namespace of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from e2e.conftest import ROOT, Cluster, job
from fumehood.cli import stores
from fumehood.kube import KubeClient
from fumehood.selftest.cases import Case, load
from fumehood.selftest.judge import Result
from fumehood.selftest.levels import Level
from fumehood.selftest.run import Range, at_level, run

pytestmark = pytest.mark.cluster

PARALLEL = 5  # with three levels at once, on two cores
CASES = load(Path(__file__).resolve().parent)


async def results_at(level: Level, namespace: str, cases: list[Case]) -> list[Result]:
    client = await KubeClient.connect()
    try:
        async with at_level(client, "python", level) as environment:
            place = Range(client, stores.from_environment(), namespace, environment, level)
            return await run(place, cases, PARALLEL, lambda result: None)
    finally:
        await client.close()


@pytest.fixture(scope="module")
def results(cluster: Cluster, request: pytest.FixtureRequest) -> Callable[[Level], dict[str, Result]]:
    """Results of a level by case; only of cases that somebody asks for."""
    known: dict[Level, dict[str, Result]] = {}

    def at(level: Level) -> dict[str, Result]:
        if level not in known:
            if level is Level.GVISOR:
                command = [sys.executable, str(ROOT / "hack" / "cluster"), "up", "--with", "gvisor"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            asked = [getattr(item, "callspec", None) for item in request.session.items]
            wanted = {call.params["case"].id for call in asked if call and call.params.get("level") is level and "case" in call.params}
            cases = [case for case in CASES if case.id in wanted]
            known[level] = {found.case.id: found for found in asyncio.run(results_at(level, cluster.namespace, cases))}
        return known[level]

    return at


@pytest.mark.parametrize("level", [pytest.param(level, marks=pytest.mark.xdist_group(f"hostile-{level}")) for level in Level])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}-{case.slug}")
def test_it_comes_to_what_it_must(case: Case, level: Level, results: Callable[[Level], dict[str, Result]]) -> None:
    found = results(level)[case.id]
    assert found.passed, "\n".join(found.faults)


def test_artifacts_are_served_to_be_saved(cluster: Cluster, store: Any) -> None:
    code = "open('/outputs/a.svg', 'w').write('<svg ><script/></svg>'); open('/outputs/b.csv', 'w').write('a,b')"
    done = cluster.run(job("served", code))
    headers = {}
    for artifact in done["status"]["result"]["artifacts"]:
        parts = urlsplit(artifact["uri"])
        found = store.stat_object(parts.netloc, parts.path.lstrip("/"))
        headers[artifact["name"]] = (found.content_type, found.metadata.get("content-disposition"))
    assert headers == {"a.svg": ("application/octet-stream", "attachment"), "b.csv": ("text/csv", "attachment")}


def test_the_operators_image_holds_the_corpus() -> None:
    code = "from fumehood.selftest.cases import folder, load; print(len(load(folder())))"
    done = Cluster("fumehood-system").kubectl("exec", "deploy/fumehood", "--", "python3", "-c", code)
    assert done.stdout == f"{len(CASES)}\n"
