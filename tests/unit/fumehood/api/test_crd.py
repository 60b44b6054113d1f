"""The generated CustomResourceDefinitions, and what the generator refuses to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from fumehood.api import crd
from fumehood.api.v1alpha1 import AnalysisJobSpec
from fumehood.api.v1alpha1.analysisjob import IMMUTABLE

Json = dict[str, Any]
DOCUMENTS = crd.documents()
SCHEMAS = {name: document["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for name, document in DOCUMENTS.items()}
FORBIDDEN = {
    "$ref",
    "$defs",
    "title",
    "const",
    "propertyNames",
    "patternProperties",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "oneOf",
    "allOf",
    "default",
}


def nodes(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    yield path, schema
    for name, child in (schema.get("properties") or {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_has_a_text(name: str) -> None:
    untold = [path for path, node in nodes(SCHEMAS[name]) if not node.get("description") and not path.endswith("[]")]
    assert set(untold) <= {"", ".apiVersion", ".kind", ".metadata"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_only_what_a_structural_schema_can_say(name: str) -> None:
    for path, node in nodes(SCHEMAS[name]):
        assert not FORBIDDEN & set(node), path
        assert node.get("type") or node.get("x-kubernetes-int-or-string") or node.get("x-kubernetes-preserve-unknown-fields"), path
        assert not {"properties", "additionalProperties"} <= set(node), path


@pytest.mark.parametrize("name", SCHEMAS)
def test_everything_a_user_writes_is_bounded(name: str) -> None:
    for path, node in nodes(SCHEMAS[name]["properties"]["spec"]):
        if node.get("type") == "string":
            assert "maxLength" in node or "enum" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "object" and "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_status_is_bounded_too() -> None:
    for path, node in nodes(SCHEMAS["analysisjobs.yaml"]["properties"]["status"]):
        if node.get("type") == "string":
            assert "maxLength" in node or "enum" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path


def test_every_field_of_a_jobs_spec_is_immutable_but_cancel_and_free_json() -> None:
    fields = set(AnalysisJobSpec.model_json_schema(by_alias=True)["properties"])
    assert fields - set(IMMUTABLE) == {"cancel", "parameters"}


def test_columns_and_selectable_fields_name_fields_that_exist() -> None:
    for name, document in DOCUMENTS.items():
        version = document["spec"]["versions"][0]
        known = {path for path, _ in nodes(SCHEMAS[name])} | {".metadata.creationTimestamp"}
        paths = [column["jsonPath"] for column in version["additionalPrinterColumns"]]
        paths += [field["jsonPath"] for field in version.get("selectableFields") or []]
        assert set(paths) <= known


def test_the_status_is_a_subresource() -> None:
    assert DOCUMENTS["analysisjobs.yaml"]["spec"]["versions"][0]["subresources"] == {"status": {}}


class Inner(BaseModel):
    x: int


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (int | Inner, "union"),
        (str | int, "union"),
        (dict[str, Any], "object of any fields"),
        (tuple[int, str], "prefixItems"),
        (Literal["a"] | Inner, "union"),
    ],
    ids=str,
)
def test_what_a_schema_cannot_say_is_refused_with_its_path(kind: Any, named: str) -> None:
    model = type("Model", (BaseModel,), {"__annotations__": {"field": kind}, "field": Field(...)})
    with pytest.raises(crd.SchemaError, match=rf"Model\.field: .*{named}"):
        crd.structural(model)


def test_a_pattern_that_the_api_server_cannot_compile_is_refused() -> None:
    model = type("Model", (BaseModel,), {"__annotations__": {"field": str}, "field": Field(pattern="^a{0,1001}$")})
    with pytest.raises(crd.SchemaError, match=r"Model\.field: .*more than 1000 times"):
        crd.structural(model)


def test_an_exclusive_bound_is_refused() -> None:
    model = type("Model", (BaseModel,), {"__annotations__": {"field": int}, "field": Field(gt=0)})
    with pytest.raises(crd.SchemaError, match="exclusiveMinimum"):
        crd.structural(model)
