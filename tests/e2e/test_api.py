"""The real API server as the second judge of every manifest."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from kubernetes import client, config

from golden import corpus, manifests

from .conftest import PATIENCE, Cluster

pytestmark = pytest.mark.cluster
Json = dict[str, Any]
Verdict = tuple[bool, str]
GROUP, VERSION = "fumehood.dev", "v1alpha1"


@pytest.fixture(scope="session")
def judge(environ: dict[str, str]) -> Callable[[Json], Verdict]:
    """Ask the API server whether it would create a manifest: accepted, and its message."""
    config.load_kube_config(config_file=environ["KUBECONFIG"])  # type: ignore[no-untyped-call]
    api = client.CustomObjectsApi()

    def ask(document: Json) -> Verdict:
        options: Json = {"dry_run": "All", "field_validation": "Ignore"}
        try:
            if document["kind"] == "AnalysisJob":
                api.create_namespaced_custom_object(GROUP, VERSION, "default", "analysisjobs", document, **options)
            else:
                api.create_cluster_custom_object(GROUP, VERSION, "analysisenvironments", document, **options)
        except client.ApiException as error:
            assert error.status in (400, 422), error
            return False, str(json.loads(str(error.body))["message"])
        return True, ""

    return ask


class TestJudges:
    @pytest.mark.parametrize("case", corpus.valid(), ids=str)
    def test_accepts_what_the_models_accept(self, judge: Callable[[Json], Verdict], case: corpus.Case) -> None:
        assert judge(case.document) == (True, "")

    @pytest.mark.parametrize("case", corpus.invalid(), ids=str)
    def test_refuses_what_the_models_refuse_and_names_the_field(self, judge: Callable[[Json], Verdict], case: corpus.Case) -> None:
        accepted, message = judge(case.document)
        assert not accepted
        assert case.field in message

    @settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(document=manifests.any_job())
    def test_generated_manifests_get_one_verdict(self, judge: Callable[[Json], Verdict], document: Json) -> None:
        accepted, message = judge(copy.deepcopy(document))
        refused = corpus.models_verdict(document)
        assert accepted == (not refused), f"API server: {message or 'accepts'}; models: {refused or 'accept'}; {document['spec']}"


def small(name: str, **spec: Any) -> Json:
    """Return a job that the operator refuses at once, so that no sandbox is made for it."""
    document = corpus.job(environment="there-is-none", **spec)
    document["metadata"] = {"name": name}
    return document


FULL: Json = {
    "args": ["a"],
    "inputs": [{"name": "x", "inline": {"text": "x"}}],
    "outputs": [{"path": "*", "kind": "plot"}],
    "previews": "Off",
    "seed": 1,
    "cache": "Reuse",
    "limits": {"memory": "64Mi"},
    "ttlSecondsAfterFinished": 86400,
}
CHANGES: Json = {
    "schemaVersion": "1.1",
    "environment": "another",
    "source": {"entrypoint": "main.py", "files": {"main.py": "print('other')"}},
    "args": ["b"],
    "inputs": [{"name": "y", "inline": {"text": "x"}}],
    "outputs": [{"path": "*", "kind": "export"}],
    "previews": "Auto",
    "seed": 2,
    "cache": "Off",
    "replayOf": "another",
    "limits": {"memory": "65Mi"},
    "ttlSecondsAfterFinished": 1,
}


@pytest.fixture(scope="module")
def stored(cluster: Cluster) -> Json:
    """A job with every field, as the API server keeps it."""
    return cluster.create(small("stored", **FULL))


def patch(cluster: Cluster, name: str, spec: Json, *more: str) -> Any:
    return cluster.kubectl("patch", "analysisjob", name, "--type=merge", "-p", json.dumps({"spec": spec}), *more, check=False)


class TestSpec:
    @pytest.mark.parametrize("field", CHANGES)
    def test_no_field_can_be_changed(self, cluster: Cluster, stored: Json, field: str) -> None:
        done = patch(cluster, "stored", {field: CHANGES[field]}, "--dry-run=server")
        assert done.returncode != 0
        assert f"{field} cannot be changed after creation" in done.stderr

    @pytest.mark.parametrize("field", FULL)
    def test_no_field_can_be_taken_away(self, cluster: Cluster, stored: Json, field: str) -> None:
        done = patch(cluster, "stored", {field: None}, "--dry-run=server")
        assert done.returncode != 0
        assert f"{field} cannot be changed after creation" in done.stderr

    @pytest.mark.parametrize("field", FULL)
    def test_no_field_can_be_added(self, cluster: Cluster, stored: Json, field: str) -> None:
        name = f"bare-{field.lower()}"
        cluster.create(small(name))
        done = patch(cluster, name, {field: FULL[field]}, "--dry-run=server")
        assert done.returncode != 0
        assert f"{field} cannot be changed after creation" in done.stderr

    def test_cancel_can_be_set_and_not_taken_back(self, cluster: Cluster) -> None:
        cluster.create(small("cancelled"))
        assert patch(cluster, "cancelled", {"cancel": True}).returncode == 0
        for value in (False, None):
            done = patch(cluster, "cancelled", {"cancel": value})
            assert "cancel cannot be taken back" in done.stderr

    def test_unknown_fields_are_pruned_and_free_json_is_kept(self, cluster: Cluster) -> None:
        free = {"a": [1, None, {"b": None, "c": 1.5}], "unknown": "kept"}
        document = small("pruned", parameters=free, colour="blue", limits={"luck": "7", "artifacts": 3})
        done = cluster.kubectl("create", "--validate=false", "-f", "-", "-o", "json", stdin=json.dumps(document))
        spec = json.loads(done.stdout)["spec"]
        assert "colour" not in spec
        assert spec["limits"] == {"artifacts": 3}
        assert spec["parameters"] == free

    def test_kubectl_itself_warns_of_an_unknown_field(self, cluster: Cluster) -> None:
        done = cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(small("strict", colour="blue")), check=False)
        assert done.returncode != 0
        assert 'unknown field "spec.colour"' in done.stderr


class TestStatus:
    FINAL: Json = {  # noqa: RUF012
        "phase": "Failed",
        "observedGeneration": 1,
        "durations": {"total": "1.00s", "run": "0.50s"},
        "failure": {
            "category": "USER_CODE_ERROR",
            "reason": "NonZeroExit",
            "message": "the program exited with code 3",
            "evidence": {"exitCode": 3},
        },
        "conditions": [{"type": "Finished", "status": "True", "reason": "NonZeroExit", "lastTransitionTime": "2026-11-01T12:00:00Z"}],
    }

    @pytest.fixture(scope="class")
    @classmethod
    def finished(cls, cluster: Cluster) -> str:
        cluster.create(small("finished"))
        cluster.until(lambda: cls._write(cluster, cls.FINAL).returncode == 0, "the status to be written")
        return "finished"

    @staticmethod
    def _write(cluster: Cluster, status: Json, *more: str) -> Any:
        body = json.dumps({"status": status})
        return cluster.kubectl("patch", "analysisjob", "finished", "--subresource=status", "--type=merge", "-p", body, *more, check=False)

    def test_a_user_cannot_write_it_with_the_spec(self, cluster: Cluster) -> None:
        created = cluster.create(small("forged") | {"status": {"phase": "Succeeded"}})
        assert "status" not in created

    def test_the_status_writer_cannot_change_the_spec(self, cluster: Cluster, finished: str) -> None:
        body = json.dumps({"spec": {"cancel": True}, "status": self.FINAL})
        done = cluster.kubectl("patch", "analysisjob", finished, "--subresource=status", "--type=merge", "-p", body, "-o", "json")
        assert "cancel" not in json.loads(done.stdout)["spec"]

    @pytest.mark.parametrize(
        "wrong",
        [{"phase": "Sleeping"}, {"failure": {"category": "BAD_LUCK", "reason": "x"}}, {"result": {"artifactCount": 3}}, {"attempt": "one"}],
        ids=str,
    )
    def test_its_shape_is_closed(self, cluster: Cluster, finished: str, wrong: Json) -> None:
        assert self._write(cluster, wrong, "--dry-run=server").returncode != 0

    @pytest.mark.parametrize("change", [{"phase": None}, {"phase": "Running"}, {"phase": "Succeeded"}], ids=str)
    def test_a_final_phase_is_final_whoever_writes_it(self, cluster: Cluster, finished: str, change: Json) -> None:
        done = self._write(cluster, change, "--dry-run=server")
        assert done.returncode != 0
        assert "status.phase is final and cannot be changed" in done.stderr

    def test_a_status_that_ended_cannot_be_taken_away(self, cluster: Cluster, finished: str) -> None:
        patch = '{"status": null}'
        done = cluster.kubectl(
            "patch", "aj", finished, "--subresource=status", "--type=merge", "-p", patch, "--dry-run=server", check=False
        )
        assert "status.phase is final and cannot be changed" in done.stderr

    def test_a_job_that_ended_gets_no_result_by_hand(self, cluster: Cluster, finished: str) -> None:
        manifest = {"uri": "s3://elsewhere/manifest.json", "digest": "sha256:" + "0" * 64, "complete": True}
        done = self._write(cluster, {"result": {"manifest": manifest}}, "--dry-run=server")
        assert done.returncode != 0
        assert "status.result.manifest of a job that ended cannot be changed" in done.stderr

    def test_a_job_that_ended_can_still_be_labelled_and_cancelled(self, cluster: Cluster, finished: str) -> None:
        cluster.kubectl("label", "aj", finished, "team=red", "--dry-run=server")
        assert patch(cluster, finished, {"cancel": True}, "--dry-run=server").returncode == 0

    def test_columns_tell_the_story(self, cluster: Cluster, finished: str) -> None:
        head, row = cluster.kubectl("get", "aj", finished).stdout.splitlines()
        assert head.split() == ["NAME", "STATUS", "FAILURE", "ENVIRONMENT", "ARTIFACTS", "DURATION", "AGE"]
        assert row.split()[:4] == ["finished", "Failed", "USER_CODE_ERROR", "there-is-none"]
        wide = cluster.kubectl("get", "aj", finished, "-o", "wide").stdout
        assert "NonZeroExit" in wide
        assert "the program exited with code 3" in wide

    def test_jobs_are_found_by_phase_category_and_environment(self, cluster: Cluster, finished: str) -> None:
        for selector, found in (
            ("status.phase=Failed,status.failure.category=USER_CODE_ERROR", [finished]),
            ("spec.environment=there-is-none,status.failure.category=USER_CODE_ERROR", [finished]),
            ("spec.environment=python", []),
        ):
            items = cluster.get("aj", "--field-selector", selector)["items"]
            assert [item["metadata"]["name"] for item in items] == found

    def test_a_condition_can_be_waited_for(self, cluster: Cluster, finished: str) -> None:
        cluster.kubectl("wait", f"aj/{finished}", "--for=condition=Finished", f"--timeout={PATIENCE}s")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("analysisjob.spec.limits.memory", "Memory of all its processes together"),
        ("analysisjob.spec.source.files", "Files by name"),
        ("analysisjob.status.failure.evidence.measured", "What was measured"),
        ("analysisenvironment.spec.image", "The image, by digest"),
    ],
)
def test_kubectl_explains_every_field(cluster: Cluster, field: str, text: str) -> None:
    assert text in cluster.kubectl("explain", field).stdout
