"""The same program on the same data gives the same bytes: again, behind another wall, and without running at all."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Cluster, Json, job
from .results import assert_failed, fetch, manifest_of

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]  # gVisor may have to be built first

# The analyses of `make demo` that succeed.
DEMO = ("co2-trend", "breast-cancer", "sunspots")
RANDOM = "import os\nopen('/outputs/random.bin', 'wb').write(os.urandom(16))\nopen('/outputs/same.txt', 'w').write('same')\n"
SEEDED = """
import json, random
import numpy as np
drawn = [random.random(), float(np.random.random()), sorted({"a", "b", "c"}, key=hash)]
json.dump(drawn, open("/outputs/drawn.json", "w"))
"""


def demo(name: str, suffix: str, **spec: Any) -> Json:
    document: Json = yaml.safe_load((ROOT / "hack" / "demo" / "jobs" / f"{name}.yaml").read_text())
    document["metadata"]["name"] = f"{name}-{suffix}"
    document["spec"] |= spec
    return document


def digests(store: Any, done: Json) -> dict[str, str]:
    assert done["status"]["phase"] == "Succeeded", done["status"]
    found = {artifact["name"]: artifact["digest"] for artifact in manifest_of(store, done)["artifacts"]}
    assert found
    return found


def fumehood(cluster: Cluster, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fumehood", *words, "--namespace", cluster.namespace]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", DEMO)
def test_an_analysis_gives_the_same_bytes_twice_and_at_every_level(cluster: Cluster, store: Any, levels: dict[str, str], name: str) -> None:
    runs = [("first", "userns"), ("second", "userns"), ("walled", "gvisor")]
    created = [cluster.create(demo(name, suffix, environment=levels[level])) for suffix, level in runs]
    done = [cluster.wait(one["metadata"]["name"]) for one in created]
    assert [one["status"]["sandbox"]["level"] for one in done] == [level for _, level in runs]
    first, second, walled = (digests(store, one) for one in done)
    assert first == second
    assert first == walled


def test_a_seed_is_all_that_random_numbers_need(cluster: Cluster, store: Any) -> None:
    one, same, other = (digests(store, cluster.run(job(name, SEEDED, seed=seed))) for name, seed in (("s1", 1), ("s2", 1), ("s3", 2)))
    assert one == same
    assert one != other


class TestReuse:
    def test_an_equal_job_takes_the_result_and_runs_nothing(self, cluster: Cluster, store: Any) -> None:
        first = cluster.run(job("made", RANDOM, cache="Reuse"))
        second = cluster.run(job("taken", RANDOM, cache="Reuse"))
        assert (first["status"]["cache"]["hit"], second["status"]["cache"]["hit"]) == (False, True)
        assert second["status"]["cache"]["job"] == "made"
        assert second["status"]["result"]["artifacts"] == first["status"]["result"]["artifacts"]
        condition = next(one for one in second["status"]["conditions"] if one["type"] == "Succeeded")
        assert (condition["status"], condition["reason"]) == ("True", "CacheHit")
        selector = f"fumehood.dev/job-uid={second['metadata']['uid']}"
        assert cluster.get("pods", "--selector", selector)["items"] == []

    def test_another_namespace_runs_its_own(self, cluster: Cluster, store: Any) -> None:
        mine = cluster.run(job("mine", RANDOM, cache="Reuse"))
        other = Cluster(f"{cluster.namespace}-b")
        other.kubectl("create", "namespace", other.namespace)
        try:
            theirs = other.run(job("theirs", RANDOM, cache="Reuse"))
            assert theirs["status"]["cache"]["key"] == mine["status"]["cache"]["key"]
            assert theirs["status"]["cache"]["hit"] is False
        finally:
            other.kubectl("delete", "namespace", other.namespace, "--wait=false")

    def test_a_result_that_was_deleted_is_made_again(self, cluster: Cluster, store: Any) -> None:
        code = RANDOM + "# deleted\n"
        first = cluster.run(job("lost", code, cache="Reuse"))
        bucket, _, key = first["status"]["result"]["artifacts"][0]["uri"].removeprefix("s3://").partition("/")
        store.remove_object(bucket, key)
        second = cluster.run(job("made-again", code, cache="Reuse"))
        assert (second["status"]["cache"]["hit"], "is gone" in second["status"]["cache"]["reason"]) == (False, True)
        third = cluster.run(job("taken-again", code, cache="Reuse"))
        assert third["status"]["cache"]["job"] == "made-again"

    def test_what_was_taken_can_be_downloaded(self, cluster: Cluster, store: Any, tmp_path: Any) -> None:
        code = RANDOM + "# downloaded\n"
        for name in ("original", "copy"):
            done = cluster.run(job(name, code, cache="Reuse"))
        fetched = fumehood(cluster, "download", "copy", "--output", str(tmp_path))
        assert fetched.returncode == 0, fetched.stderr
        uri = next(one["uri"] for one in done["status"]["result"]["artifacts"] if one["name"] == "random.bin")
        assert (tmp_path / "copy" / "random.bin").read_bytes() == fetch(store, uri)


class TestReplay:
    def test_what_is_reproducible_is_reproduced(self, cluster: Cluster) -> None:
        cluster.run(job("steady", "open('/outputs/same.txt', 'w').write('same')"))
        done = fumehood(cluster, "replay", "steady")
        assert (done.returncode, "reproduced: 1 of 1 artifacts of steady are the same" in done.stdout) == (0, True), done

    def test_what_is_not_is_told_artifact_by_artifact(self, cluster: Cluster) -> None:
        cluster.run(job("shaky", RANDOM))
        done = fumehood(cluster, "replay", "shaky")
        assert done.returncode == 1, done
        assert "nothing that is known was different: the program itself" in done.stdout
        (replayed,) = [one for one in cluster.get("analysisjobs")["items"] if one["spec"].get("replayOf") == "shaky"]
        verdicts = {one["name"]: one["verdict"] for one in replayed["status"]["replay"]["artifacts"]}
        assert verdicts == {"random.bin": "Different", "same.txt": "Same"}

    def test_an_input_that_was_changed_is_named(self, cluster: Cluster) -> None:
        source = {"entrypoint": "main.py", "configMap": {"name": "replayed"}}
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "replayed"}, "data": {"main.py": RANDOM}}
        cluster.create(config_map)
        document = job("mapped", "")
        document["spec"]["source"] = source
        cluster.run(document)
        cluster.kubectl("patch", "configmap", "replayed", "-p", json.dumps({"data": {"main.py": RANDOM + "# changed\n"}}))
        done = fumehood(cluster, "replay", "mapped")
        assert done.returncode == 1, done
        assert "- source file 'main.py' was sha256:" in done.stdout

    def test_a_job_that_never_was_cannot_be_repeated(self, cluster: Cluster) -> None:
        failure = assert_failed(cluster.run(job("orphan", RANDOM, replayOf="never-was")), "DEPENDENCY_ERROR", "InputMissing")
        assert "never-was" in failure["message"]
        assert fumehood(cluster, "replay", "never-was").returncode == 2
