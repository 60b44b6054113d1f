"""The operator's Pod: locked down, one at a time, and told by its variables what the values say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart import CHART, CI, ENVIRONMENT, environment, merged, of_kind, operator, render
from pydantic import BaseModel

from fumehood import __version__
from fumehood.settings import Settings

FULL = yaml.safe_load((CHART / "ci" / "full-values.yaml").read_text())


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_every_pod_is_locked_down(values: Path) -> None:
    found = render(yaml.safe_load(values.read_text()))
    (deployment,) = of_kind(found, "Deployment")
    for spec in [deployment["spec"]["template"]["spec"], *(pod["spec"] for pod in of_kind(found, "Pod"))]:
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] == 65532
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all("hostPath" not in volume for volume in spec["volumes"])
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_there_is_never_a_second_operator() -> None:
    (deployment,) = of_kind(render({}), "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_selector_finds_the_operator_alone() -> None:
    found = render({"environments": {"python": ENVIRONMENT}})
    (deployment,) = of_kind(found, "Deployment")
    selector = deployment["spec"]["selector"]["matchLabels"].items()
    assert selector <= deployment["spec"]["template"]["metadata"]["labels"].items()
    (check,) = of_kind(found, "Pod")
    assert not selector <= check["metadata"]["labels"].items()
    (service,) = of_kind(found, "Service")
    assert service["spec"]["selector"].items() == selector


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, f"registry.example/fumehood/operator:{__version__}"),
        ({"tag": "edge"}, "registry.example/fumehood/operator:edge"),
        ({"tag": "edge", "digest": "sha256:" + "a" * 64}, "registry.example/fumehood/operator@sha256:" + "a" * 64),
        ({"repository": "localhost:5000/op", "digest": "sha256:" + "b" * 64}, "localhost:5000/op@sha256:" + "b" * 64),
    ],
)
def test_images_by_tag_or_digest(image: dict[str, str], reference: str) -> None:
    assert operator(render({"image": image}))["image"] == reference


def test_the_settings_read_what_the_chart_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(render(FULL)).items():
        monkeypatch.setenv(name, "from-secret" if isinstance(value, tuple) else value)
    settings = Settings()
    assert settings.store.endpoint == "https://minio.store.svc:9000"
    assert settings.store.input_buckets == ("datasets", "public")
    assert settings.store.ca_file == "/etc/fumehood/store-ca/ca.crt"
    assert settings.store.access_key.get_secret_value() == "from-secret"
    assert settings.egress.namespace == "store"
    assert settings.egress.pod_labels == {"app": "minio"}
    assert settings.egress.cidrs == ("192.0.2.10/32",)
    assert settings.egress.port == 9000
    assert settings.pods.sandbox_image == "registry.example/fumehood/sandbox@sha256:" + "2" * 64
    assert settings.pods.image_pull_secrets == ("registry",)
    assert settings.pods.node_selector == {"pool": "analyses"}
    assert settings.pods.priority_class_name == "analyses"
    assert settings.namespaces == ()
    assert [str(cidr) for cidr in settings.network.cluster_ranges] == ["10.244.0.0/16", "10.96.0.0/12"]
    assert settings.network.profiles["mirror"].namespaces == ("lab", "team-*")
    assert (settings.network.proof.interval, settings.network.proof.node, str(settings.network.proof.dns)) == (600, "Require", "10.96.0.10")


def test_namespaces_reach_the_settings() -> None:
    assert environment(render({"watch": {"namespaces": ["lab", "class"]}}))["FUMEHOOD_NAMESPACES"] == "lab,class"


def test_every_setting_can_be_set_by_a_value() -> None:
    written = set(environment(render(merged(FULL, {"watch": {"namespaces": ["lab"]}}))))
    assert {name for name in written if name.startswith("FUMEHOOD_")} == set(variables(Settings))


def test_defaults_are_the_settings_defaults() -> None:
    found = environment(render({}))
    for name, default in variables(Settings).items():
        if default is not None and name in found:
            text = found[name]
            assert (json.loads(text) if isinstance(default, int | float | list) else text) == default, name


def variables(model: type[BaseModel], prefix: str = "FUMEHOOD_") -> dict[str, Any]:
    """Return each setting's variable and default; None where there is none."""
    result: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            result |= variables(field.annotation, f"{prefix}{name.upper()}__")
        else:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            result[prefix + name.upper()] = list(default) if isinstance(default, tuple) else default
    return result


def test_keys_come_from_a_secret() -> None:
    found = render({})
    assert not of_kind(found, "Secret")
    assert environment(found)["FUMEHOOD_STORE__ACCESS_KEY"] == ("keys", "accessKey")

    found = render({"store": {"existingSecret": "", "accessKey": "a", "secretKey": "s"}})
    (secret,) = of_kind(found, "Secret")
    assert secret["data"] == {"accessKey": "YQ==", "secretKey": "cw=="}
    assert environment(found)["FUMEHOOD_STORE__SECRET_KEY"] == (secret["metadata"]["name"], "secretKey")
    others = [document for document in found if document["kind"] != "Secret"]
    assert "YQ==" not in str(others)


def test_extra_variables_come_last() -> None:
    assert operator(render({"extraEnv": [{"name": "TZ", "value": "UTC"}]}))["env"][-1] == {"name": "TZ", "value": "UTC"}
