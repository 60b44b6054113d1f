"""What people type: a wrong word is named, and nothing is asked of a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from kubernetes.aio.config import kube_config
from typer.testing import CliRunner

from fumehood.cli import app
from fumehood.kube import core_path, environment_path, job_path

RIGHT = {
    "FUMEHOOD_STORE__ENDPOINT": "https://store.example",
    "FUMEHOOD_STORE__BUCKET": "fumehood",
    "FUMEHOOD_STORE__ACCESS_KEY": "access",
    "FUMEHOOD_STORE__SECRET_KEY": "hush-hush",
    "FUMEHOOD_PODS__SANDBOX_IMAGE": "registry.example/sandbox:1",
}
STORE = {"S3_ENDPOINT": "https://store.example", "S3_BUCKET": "fumehood", "S3_ACCESS_KEY": "access", "S3_SECRET_KEY": "hush-hush"}


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))  # read when it is imported
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.mark.parametrize(
    "words",
    [
        ["download", ""],
        ["download", ".."],
        ["download", "../job"],
        ["download", "Job"],
        ["download", "job", "-n", "a/b"],
        ["download", "job", "-n", ""],
        ["replay", "Job"],
        ["check", "-e", "an environment"],
        ["check", "-e", "python", "-n", "a\u202eb"],
        ["selftest", "-e", "a..b"],
    ],
    ids=str,
)
def test_what_is_no_name_is_refused(words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "is no name" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FUMEHOOD_NAMESPACE", "lab", "FUMEHOOD_NAMESPACE: there is no such setting; FUMEHOOD_NAMESPACES is one"),
        ("FUMEHOOD_STORE__BUCKET", "a..b", "FUMEHOOD_STORE__BUCKET: this is no bucket"),
        ("FUMEHOOD_STORE__ENDPOINT", "https://store:99999", "FUMEHOOD_STORE__ENDPOINT: Port out of range"),
        ("FUMEHOOD_ADAPTERS", "python", "lists and maps are JSON"),
        ("FUMEHOOD_METRICS_PORT", "tcp://192.0.2.1:9090", "FUMEHOOD_METRICS_PORT: Input should be a valid integer"),
    ],
)
def test_the_operator_does_not_start_with_a_wrong_setting(variable: str, value: str, said: str) -> None:
    done = CliRunner().invoke(app, ["operator"], env=RIGHT | {variable: value})
    assert done.exit_code == 2
    assert said in done.stderr
    assert "hush-hush" not in done.output


@pytest.mark.parametrize(
    ("variable", "value"), [("S3_ENDPOINT", "store:9000"), ("S3_BUCKET", "a..b"), ("S3_ENDPOINT", "https://hush-hush@store.example")]
)
def test_a_store_that_can_be_none_is_named(variable: str, value: str) -> None:
    done = CliRunner().invoke(app, ["download", "job"], env=STORE | {variable: value})
    assert done.exit_code == 1
    assert f"fumehood: {variable}: this is no" in done.stderr or f"fumehood: {variable}: keys have" in done.stderr
    assert "hush-hush" not in done.output


@pytest.mark.parametrize("content", [None, "{", "clusters: hush-hush"])
def test_a_kubeconfig_that_cannot_be_used_is_said(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "none").write_text(content)
    done = CliRunner().invoke(app, ["check", "-e", "python"])
    assert done.exit_code == 1
    assert "no kubeconfig that can be used" in done.stderr
    assert "hush-hush" not in done.output


def test_a_name_is_one_segment_of_a_path() -> None:
    assert job_path("a/../b", "../x").endswith("/namespaces/a%2F..%2Fb/analysisjobs/..%2Fx")
    assert core_path("lab", "configmaps", "a/b").endswith("/a%2Fb")
    assert environment_path("a?b").endswith("/a%3Fb")
