"""CRDs, environments, the admission policy, and what can be switched."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from chart import CHART, CI, ENVIRONMENT, ROOT, of_kind, render, run

from fumehood import __version__

KNOWN = ("--api-versions", "fumehood.dev/v1alpha1/AnalysisEnvironment")


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_lint(values: Path) -> None:
    done = run("lint", "--strict", CHART, "--values", values)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_crds_are_copies() -> None:
    for source in sorted((ROOT / "crds").glob("*.yaml")):
        assert (CHART / "files" / "crds" / source.name).read_bytes() == source.read_bytes(), "run `make generate`"
    assert {path.name for path in (CHART / "files" / "crds").iterdir()} == {path.name for path in (ROOT / "crds").glob("*.yaml")}


@pytest.mark.parametrize("keep", [True, False])
def test_crds_are_rendered_unchanged(keep: bool) -> None:
    rendered = {crd["metadata"]["name"]: crd for crd in of_kind(render({"crds": {"keep": keep}}), "CustomResourceDefinition")}
    for path in (ROOT / "crds").glob("*.yaml"):
        source = yaml.safe_load(path.read_text())
        crd = rendered.pop(source["metadata"]["name"])
        assert crd["spec"] == source["spec"]
        assert (crd["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == ("keep" if keep else None)
    assert not rendered


def test_crds_can_be_left_out() -> None:
    assert not of_kind(render({"crds": {"enabled": False}}), "CustomResourceDefinition")


@pytest.mark.parametrize("known", [False, True], ids=["first install", "crds there"])
def test_environments(known: bool) -> None:
    found = render({"environments": {"python": ENVIRONMENT}}, *(KNOWN if known else ()))
    (document,) = of_kind(found, "AnalysisEnvironment")
    assert document["metadata"]["name"] == "python"
    assert document["spec"] == ENVIRONMENT
    annotations = document["metadata"]["annotations"]
    assert ("helm.sh/hook" in annotations) is not known
    # By these an upgrade adopts what the first install's hook made.
    assert annotations["meta.helm.sh/release-name"] == "fh"
    assert annotations["meta.helm.sh/release-namespace"] == "fumehood-system"
    assert document["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"


def test_the_admission_policy_guards_parameters() -> None:
    found = render({})
    (policy,), (binding,) = of_kind(found, "ValidatingAdmissionPolicy"), of_kind(found, "ValidatingAdmissionPolicyBinding")
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["validationActions"] == ["Deny"]
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["operations"], rule["resources"]) == (["UPDATE"], ["analysisjobs"])
    assert not of_kind(render({"admissionPolicy": {"enabled": False}}), "ValidatingAdmissionPolicy")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"metrics": {"serviceMonitor": {"enabled": True}}}, "ServiceMonitor"),
        ({"podDisruptionBudget": {"enabled": True}}, "PodDisruptionBudget"),
        ({"networkPolicy": {"enabled": True}}, "NetworkPolicy"),
    ],
)
def test_switches_are_off_until_switched(values: dict[str, object], kind: str) -> None:
    assert not of_kind(render({}), kind)
    assert of_kind(render(values), kind)


def test_the_check_runs_where_the_operator_looks() -> None:
    def arguments(values: dict[str, object]) -> list[str]:
        (pod,) = of_kind(render({"environments": {"python": ENVIRONMENT}} | values), "Pod")
        return list(pod["spec"]["containers"][0]["args"])

    assert arguments({}) == ["check", "--namespace=fumehood-system", "--environment=python", "--timeout=120"]
    assert "--namespace=lab" in arguments({"watch": {"namespaces": ["lab", "class"]}})
    assert "--namespace=here" in arguments({"watch": {"namespaces": ["lab"]}, "test": {"namespace": "here"}})
    assert "--environment=other" in arguments({"test": {"environment": "other"}})


SELFTEST = {"environments": {"python": ENVIRONMENT}, "test": {"enabled": False}, "selftest": {"enabled": True}}


def test_the_corpus_is_tried_when_asked_for() -> None:
    found = render(SELFTEST)
    (pod,) = of_kind(found, "Pod")
    container = pod["spec"]["containers"][0]
    assert container["args"] == ["selftest", "--namespace=fumehood-system", "--environment=python", "--jobs=6"]
    assert {item["name"] for item in container["env"]} == {"S3_ENDPOINT", "S3_BUCKET", "S3_REGION", "S3_ACCESS_KEY", "S3_SECRET_KEY"}
    assert not [role for role in of_kind(found, "ClusterRole") if role["metadata"]["name"].endswith("selftest")]
    (role,) = [role for role in of_kind(found, "Role") if role["metadata"]["name"] == "fh-fumehood-selftest"]
    assert role["rules"] == [{"apiGroups": ["fumehood.dev"], "resources": ["analysisjobs"], "verbs": ["create", "get", "patch", "delete"]}]


def test_levels_need_copies_of_the_environment() -> None:
    found = render(SELFTEST | {"selftest": {"enabled": True, "levels": ["runc", "gvisor"], "only": ["H01", "H02"]}})
    (pod,) = of_kind(found, "Pod")
    assert pod["spec"]["containers"][0]["args"][-3:] == ["--level=runc", "--level=gvisor", "--only=H01,H02"]
    (role,) = [role for role in of_kind(found, "ClusterRole") if role["metadata"]["name"].endswith("selftest")]
    assert role["rules"] == [{"apiGroups": ["fumehood.dev"], "resources": ["analysisenvironments"], "verbs": ["create", "get", "delete"]}]


def test_without_an_environment_there_is_no_check() -> None:
    assert not of_kind(render({}), "Pod")


def test_the_versions_are_the_operators() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
    assert chart["kubeVersion"].startswith(">=1.33")


def test_notes_warn_of_keys_in_values() -> None:
    def notes(*arguments: str) -> str:
        return run("install", "fh", CHART, "--dry-run=client", "--values", CHART / "ci" / "default-values.yaml", *arguments).stdout

    assert "WARNING: the store's keys" not in notes()
    assert "NO ENVIRONMENT" in notes()
    assert "WARNING: the store's keys" in notes("--set", "store.existingSecret=,store.accessKey=a,store.secretKey=b")
    assert "WARNING: network.proof.enabled" not in notes()
    assert "WARNING: network.proof.enabled" in notes("--set", "network.proof.enabled=false")
