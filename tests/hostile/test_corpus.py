"""Every behaviour on the real cluster, at every level of isolation.

All levels are on their way at once, some jobs of each, and each test looks at one result.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
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

pytestmark = [pytest.mark.cluster, pytest.mark.alone, pytest.mark.timeout(5400)]  # the first test waits for all cases

PARALLEL = 4  # of each level, on two cores
Asked = dict[Level, list[Case]]
CASES = load(Path(__file__).resolve().parent)


async def run_all(asked: Asked, namespace: str) -> dict[tuple[Level, str], Result]:
    client = await KubeClient.connect()
    try:
        found = await asyncio.gather(*(run_level(client, namespace, level, cases) for level, cases in asked.items()))
    finally:
        await client.close()
    return {(level, result.case.id): result for level, results in zip(asked, found, strict=True) for result in results}


async def run_level(client: KubeClient, namespace: str, level: Level, cases: list[Case]) -> list[Result]:
    async with at_level(client, "python", level) as environment:
        place = Range(client, stores.from_environment(), namespace, environment, level)
        return await run(place, cases, PARALLEL, lambda result: None)


@pytest.fixture(scope="module")
def results(cluster: Cluster, request: pytest.FixtureRequest) -> dict[tuple[Level, str], Result]:
    """Results by level and case; only of those that a test asks for."""
    asked: Asked = {}
    for item in request.session.items:
        called = getattr(item, "callspec", None)
        if called and item.module is request.module and "case" in called.params:
            asked.setdefault(called.params["level"], []).append(called.params["case"])
    if Level.GVISOR in asked:
        command = [sys.executable, str(ROOT / "hack" / "cluster"), "up", "--with", "gvisor"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return asyncio.run(run_all(asked, cluster.namespace))


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}-{case.slug}")
def test_it_comes_to_what_it_must(case: Case, level: Level, results: dict[tuple[Level, str], Result]) -> None:
    found = results[level, case.id]
    assert found.passed, "\n".join(found.faults)


def test_artifacts_are_served_to_be_saved(cluster: Cluster, store: Any) -> None:
    code = "open('/outputs/a.svg', 'w').write('<svg ><script/></svg>'); open('/outputs/b.csv', 'w').write('a,b')"
    done = cluster.run(job("served", code, previews="Off"))
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
