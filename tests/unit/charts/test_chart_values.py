"""Values: each is described, and a wrong one is refused by its name before anything is installed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from chart import CHART, ENVIRONMENT, MINIMAL, ROOT, Document, load, merged, template
from pydantic import BaseModel

from fumehood.api.v1alpha1 import AnalysisEnvironmentSpec, Category, Limits
from fumehood.core.failures import MEANING, Reason
from fumehood.settings import EgressProfile

reference = load(ROOT / "hack" / "reference.py")

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
PROFILE = {"cidrs": ["198.51.100.7/32"], "ports": [443], "namespaces": ["lab"]}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"stroe": {}}, "stroe"),
        ({"store": {"endpont": "x"}}, "endpont"),
        ({"store": {"endpoint": "minio:9000"}}, "/store/endpoint"),
        ({"store": {"endpoint": "https://minio:65536"}}, "/store/endpoint"),
        ({"store": {"endpoint": "https://key:hush@minio"}}, "/store/endpoint"),
        ({"store": {"endpoint": "https://minio?x=y"}}, "/store/endpoint"),
        ({"store": {"bucket": "Not A Bucket"}}, "/store/bucket"),
        ({"store": {"bucket": "a..b"}}, "/store/bucket"),
        ({"store": {"bucket": "192.0.2.1"}}, "/store/bucket"),
        ({"nameOverride": "Fume.Hood"}, "/nameOverride"),
        ({"fullnameOverride": "fume.hood"}, "/fullnameOverride"),
        ({"fullnameOverride": "-fumehood"}, "/fullnameOverride"),
        ({"commonLabels": {"not a key": "x"}}, "not a key"),
        ({"commonLabels": {"team": "not a value!"}}, "/commonLabels/team"),
        ({"commonLabels": {"app.kubernetes.io/name": "other"}}, "app.kubernetes.io/name"),
        ({"podLabels": {"app.kubernetes.io/instance": "other"}}, "app.kubernetes.io/instance"),
        ({"store": {"inputBuckets": "datasets"}}, "/store/inputBuckets"),
        ({"image": {"digest": "abc"}}, "/image/digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"sandboxImage": {"repository": ""}}, "/sandboxImage/repository"),
        ({"environments": {"python": ENVIRONMENT | {"image": "registry.example/env:latest"}}}, "/environments/python/image"),
        ({"environments": {"python": {"adapter": "python"}}}, "image"),
        ({"environments": {"Python": ENVIRONMENT}}, "Python"),
        ({"environments": {"py..thon": ENVIRONMENT}}, "py..thon"),
        ({"environments": {"python": ENVIRONMENT | {"env": {"A=B": "x"}}}}, "A=B"),
        ({"environments": {"python": ENVIRONMENT | {"env": {"A": "\0"}}}}, "/environments/python/env/A"),
        ({"environments": {"python": ENVIRONMENT | {"maximums": {"wallClock": "an hour"}}}}, "/environments/python/maximums/wallClock"),
        ({"environments": {"python": ENVIRONMENT | {"userNamespaces": "Sometimes"}}}, "/environments/python/userNamespaces"),
        ({"environments": {"python": ENVIRONMENT | {"onViolation": "Ignore"}}}, "/environments/python/onViolation"),
        ({"watch": {"namespaces": ["-"]}}, "/watch/namespaces"),
        ({"maxConcurrent": 0}, "/maxConcurrent"),
        ({"maxConcurrent": "many"}, "/maxConcurrent"),
        ({"pods": {"cpuRequestFraction": 2}}, "/pods/cpuRequestFraction"),
        ({"deadlines": {"start": 0}}, "/deadlines/start"),
        ({"egress": {"cidrs": ["everywhere"]}}, "/egress/cidrs"),
        ({"egress": {"cidrs": ["300.1.1.1/8"]}}, "/egress/cidrs"),
        ({"egress": {"cidrs": ["10.0.0.0/33"]}}, "/egress/cidrs"),
        ({"egress": {"port": 70000}}, "/egress/port"),
        ({"network": {"clusterRanges": ["10.0.0.0"]}}, "/network/clusterRanges"),
        ({"network": {"clusterRanges": ["2001:db8::/129"]}}, "/network/clusterRanges"),
        ({"network": {"proof": {"dns": "999.1.1.1"}}}, "/network/proof/dns"),
        ({"network": {"proof": {"interval": 1e9}}}, "/network/proof/interval"),
        ({"deadlines": {"harvest": 86401}}, "/deadlines/harvest"),
        ({"network": {"proof": {"node": "Ignore"}}}, "/network/proof/node"),
        ({"network": {"proof": {"interval": 1}}}, "/network/proof/interval"),
        ({"network": {"profiles": {"mirror": PROFILE}}}, "/network/clusterRanges"),
        ({"network": {"profiles": {"Mirror": PROFILE}}}, "Mirror"),
        ({"network": {"profiles": {"mirror": PROFILE | {"ports": []}}}}, "/network/profiles/mirror/ports"),
        ({"network": {"profiles": {"mirror": PROFILE | {"hosts": {"a": "elsewhere"}}}}}, "/network/profiles/mirror/hosts"),
        ({"network": {"profiles": {"mirror": PROFILE | {"until": "next year"}}}}, "/network/profiles/mirror/until"),
        ({"network": {"profiles": {"mirror": PROFILE | {"ca": "/etc/ca.crt"}}}}, "/network/profiles/mirror/ca"),
        ({"network": {"profiles": {"mirror": {"cidrs": ["198.51.100.7/32"]}}}}, "ports"),
        ({"extraEnv": [{"name": "FUMEHOOD_NAMESPACES", "value": "x"}]}, "/extraEnv/0"),
        ({"extraEnv": [{"name": "Fumehood_namespaces", "value": "x"}]}, "/extraEnv/0"),
        ({"podDisruptionBudget": {"maxUnavailable": 5}}, "/podDisruptionBudget/maxUnavailable"),
        ({"logLevel": "LOUD"}, "/logLevel"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: Document, named: str) -> None:
    done = template(merged(MINIMAL, values))
    assert done.returncode != 0
    assert named in done.stderr


SECTIONS = [("livenessProbe",), ("metrics",), ("metrics", "service"), ("network",), ("network", "proof"), ("pods",), ("store",), ("test",)]


@pytest.mark.parametrize("section", SECTIONS, ids=".".join)
def test_a_section_that_is_taken_away_is_missed_by_name(section: tuple[str, ...]) -> None:
    values: Any = None
    for key in reversed(section):
        values = {key: values}
    done = template(merged(MINIMAL, values))
    assert done.returncode != 0
    assert f"missing property '{section[-1]}'" in done.stderr


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"store": {"endpoint": "https://[2001:db8::1]:9000/"}}, "https://[2001:db8::1]:9000/"),
        ({"egress": {"cidrs": ["192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.1/128"]}}, "::ffff:192.0.2.1/128"),
        ({"network": {"proof": {"dns": "2001:db8::53"}}}, "2001:db8::53"),
        ({"commonLabels": {"example.com/team": "a_b.C-1", "bare": ""}}, "example.com/team: a_b.C-1"),
        ({"fullnameOverride": "hood-2"}, "name: hood-2"),
    ],
)
def test_a_right_value_is_taken(values: Document, shown: str) -> None:
    done = template(merged(MINIMAL, values))
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize(
    ("store", "named"),
    [
        ({"endpoint": "", "bucket": "fumehood", "existingSecret": "k"}, "store.endpoint"),
        ({"endpoint": "https://s3.example", "bucket": "", "existingSecret": "k"}, "store.bucket"),
        ({"endpoint": "https://s3.example", "bucket": "fumehood"}, "store.existingSecret"),
        ({"endpoint": "https://s3.example", "bucket": "fumehood", "accessKey": "half"}, "store.existingSecret"),
    ],
)
def test_what_is_missing_is_named(store: Document, named: str) -> None:
    done = template({"store": store})
    assert done.returncode != 0
    assert named in done.stderr


def test_every_value_is_in_the_schema() -> None:
    assert not list(_beyond(VALUES, SCHEMA, ""))


def _beyond(values: Any, schema: Any, path: str) -> Any:
    schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
    for key, value in values.items():
        known = schema.get("properties", {})
        if key not in known and schema.get("additionalProperties") is False:
            yield f"{path}/{key}"
        elif isinstance(value, dict) and value and key in known:
            yield from _beyond(value, known[key], f"{path}/{key}")


def test_the_schema_knows_every_field_of_environments_and_profiles() -> None:
    def aliases(model: type[BaseModel]) -> set[str]:
        return set(model.model_json_schema(by_alias=True)["properties"])

    assert set(SCHEMA["$defs"]["environment"]["properties"]) == aliases(AnalysisEnvironmentSpec)
    assert set(SCHEMA["$defs"]["limits"]["properties"]) == aliases(Limits)
    assert set(SCHEMA["$defs"]["egressProfile"]["properties"]) == aliases(EgressProfile)


def test_every_value_is_described() -> None:
    """A map that is described as a whole counts for what is in it."""
    described = reference.described((CHART / "values.yaml").read_text())
    undescribed = [
        path for path in _leaves(VALUES, ()) if not any(".".join(path[:depth]) in described for depth in range(1, len(path) + 1))
    ]
    assert not undescribed


def _leaves(values: Any, path: tuple[str, ...]) -> Any:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def test_the_generated_pages_are_up_to_date() -> None:
    for path, text in reference.files().items():
        assert path.read_text() == text, f"{path.name}: run `make generate`"


def test_every_reason_is_explained() -> None:
    assert set(MEANING) == set(Reason)
    assert set(reference.WHOSE) == set(Category)
