"""Models to CustomResourceDefinition documents (pure): crds/ is generated from here.

A structural schema says less than JSON Schema: references are inlined, optional
is "not required", a map has one schema for its values, and what it cannot say is
refused here with the path of the field, before any API server sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from .v1alpha1 import GROUP, VERSION, AnalysisEnvironment, AnalysisJob

Schema = dict[str, Any]

KEPT = {
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
}
DROPPED = {"title", "default", "$defs", "const", "additionalProperties", "patternProperties", "propertyNames", "anyOf", "$ref"}
MAX_REPEAT = 1000


class SchemaError(ValueError):
    """A model says what a structural schema cannot."""


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`; those of priority 1 need `-o wide`."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""


JOB_COLUMNS = (
    Column("Status", ".status.phase", description="Where the job is"),
    Column("Failure", ".status.failure.category", description="Whose failure it is"),
    Column("Environment", ".spec.environment", description="What it runs in"),
    Column("Artifacts", ".status.result.artifactCount", "integer", description="Sealed files"),
    Column("Duration", ".status.durations.total", description="From creation to the recorded result"),
    Column("Age", ".metadata.creationTimestamp", "date"),
    Column("Reason", ".status.failure.reason", priority=1),
    Column("Run", ".status.durations.run", priority=1, description="The program itself"),
    Column("CPU", ".status.result.usage.cpuSeconds", "number", priority=1, description="CPU seconds"),
    Column("Memory", ".status.result.usage.peakMemoryBytes", "integer", priority=1, description="Peak, in bytes"),
    Column("EnvVersion", ".status.envVersion", priority=1),
    Column("Sandbox", ".status.sandbox.level", priority=1),
    Column("Message", ".status.failure.message", priority=1),
)
ENVIRONMENT_COLUMNS = (
    Column("Version", ".spec.envVersion", description="Recorded with every result"),
    Column("Default", ".spec.default", "boolean", description="Whether it says that it is the default version"),
    Column("Adapter", ".spec.adapter", description="How programs are started"),
    Column("RuntimeClass", ".spec.runtimeClassName", description="Whose kernel; empty: the node's"),
    Column("UserNS", ".spec.userNamespaces", description="User namespaces; empty: Auto"),
    Column("Deprecated", ".spec.deprecated.message", description="Why, and what to use instead; empty: it is not"),
    Column("Age", ".metadata.creationTimestamp", "date"),
    Column("Retires", ".spec.deprecated.until", priority=1, description="When jobs that ask for it are refused"),
    Column("Description", ".spec.description", priority=1),
    Column("Image", ".spec.image", priority=1),
    Column("Inventory", ".spec.inventory", priority=1, description="Digest of the list of packages"),
)
JOB_SELECTABLE = (".spec.environment", ".status.phase", ".status.failure.category")
ENVIRONMENT_SELECTABLE = (".spec.adapter", ".spec.default", ".spec.envVersion", ".spec.runtimeClassName")


def documents() -> dict[str, Schema]:
    """Return every CRD by its file name."""
    job = _document(AnalysisJob, "analysisjob", "analysisjobs", ["aj"], "Namespaced", JOB_COLUMNS)
    version = job["spec"]["versions"][0]
    version["subresources"] = {"status": {}}
    version["selectableFields"] = [{"jsonPath": path} for path in JOB_SELECTABLE]
    environment = _document(AnalysisEnvironment, "analysisenvironment", "analysisenvironments", ["aenv"], "Cluster", ENVIRONMENT_COLUMNS)
    environment["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": path} for path in ENVIRONMENT_SELECTABLE]
    return {"analysisjobs.yaml": job, "analysisenvironments.yaml": environment}


def structural(model: type[BaseModel]) -> Schema:
    """Return the structural schema of `model`.

    Raises:
        SchemaError: naming the path that a structural schema cannot express.
    """
    schema = model.model_json_schema(by_alias=True)
    return _rewrite(schema, schema.get("$defs", {}), model.__name__)


def _document(model: type[BaseModel], singular: str, plural: str, short: list[str], scope: str, columns: tuple[Column, ...]) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": model.__name__,
                "listKind": f"{model.__name__}List",
                "plural": plural,
                "singular": singular,
                "shortNames": short,
                "categories": ["fumehood"],
            },
            "scope": scope,
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [_column(column) for column in columns],
                    "schema": {"openAPIV3Schema": _root(model)},
                }
            ],
        },
    }


def _root(model: type[BaseModel]) -> Schema:
    schema = structural(model)
    # The API server has its own idea of metadata, and refuses another's.
    schema["properties"]["metadata"] = {"type": "object"}
    schema["properties"] = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}} | schema["properties"]
    schema["required"] = ["spec"]
    return schema


def _column(column: Column) -> Schema:
    document: Schema = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.description:
        document["description"] = column.description
    if column.priority:
        document["priority"] = column.priority
    return document


def _rewrite(node: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    node = _resolved(node, definitions, path)
    unknown = {key for key in node if not key.startswith("x-kubernetes-")} - KEPT - DROPPED
    if unknown:
        raise SchemaError(f"{path}: a structural schema cannot say {', '.join(sorted(unknown))}")
    _check_pattern(node.get("pattern", ""), path)
    if "anyOf" in node:
        return _int_or_string(node, definitions, path)
    schema = {key: value for key, value in node.items() if key not in DROPPED}
    if "type" not in node:
        return {"description": node.get("description", ""), "x-kubernetes-preserve-unknown-fields": True}
    if "properties" in node:
        schema["properties"] = {name: _rewrite(child, definitions, f"{path}.{name}") for name, child in node["properties"].items()}
    if "items" in node:
        schema["items"] = _rewrite(node["items"], definitions, f"{path}[]")
    if node["type"] == "object" and "properties" not in node:
        return _map(schema, node, definitions, path)
    return schema


def _check_pattern(pattern: str, path: str) -> None:
    counts = [int(number) for bounds in re.findall(r"\{([0-9,]+)\}", pattern) for number in bounds.split(",") if number]
    if max(counts, default=0) > MAX_REPEAT:
        raise SchemaError(f"{path}: the API server's regular expressions repeat nothing more than {MAX_REPEAT} times; use maxLength")


def _resolved(node: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    """Follow references and drop the null arm of an optional field; the outer description wins."""
    while True:
        outer = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
        if "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]] | outer
        elif "anyOf" in node and (arms := [arm for arm in node["anyOf"] if arm != {"type": "null"}]) != node["anyOf"]:
            node = (arms[0] | outer) if len(arms) == 1 else ({"anyOf": arms} | outer)
        else:
            return node


def _int_or_string(node: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    arms = [_resolved(arm, definitions, path) for arm in node["anyOf"]]
    if len(arms) == 1 or [arm.get("type") for arm in arms] != ["integer", "string"]:
        raise SchemaError(f"{path}: a union; give optional siblings and a rule that exactly one is there")
    schema = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
    bounds = {key: value for arm in arms for key, value in arm.items() if key in KEPT - {"type"}}
    return schema | bounds | {key: value for key, value in node.items() if key == "description"}


def _map(schema: Schema, node: Schema, definitions: dict[str, Schema], path: str) -> Schema:
    values = node.get("additionalProperties")
    if "patternProperties" in node:
        ((pattern, values),) = node["patternProperties"].items()
        longest = node["propertyNames"]["maxLength"]
        message = f"names must match {pattern} and have at most {longest} characters"
        escaped = pattern.replace("\\", "\\\\").replace("'", "\\'")
        rule = f"self.all(name, name.size() <= {longest} && name.matches('{escaped}'))"
        schema["x-kubernetes-validations"] = [{"rule": rule, "message": message}]
    if not isinstance(values, dict):
        raise SchemaError(f"{path}: an object of any fields; say what its values are")
    return schema | {"additionalProperties": _rewrite(values, definitions, f"{path}.*")}
