"""The corpus of manifests that both judges must agree on: the models here, the API server in e2e.

An invalid file names, in its first line, the field that either judge's message has
to name. Manifests too large to keep as files are made below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from fumehood.api.v1alpha1 import AnalysisEnvironment, AnalysisJob

ROOT = Path(__file__).parent / "api"
MODELS: dict[str, type[BaseModel]] = {"AnalysisJob": AnalysisJob, "AnalysisEnvironment": AnalysisEnvironment}
_FIELD = re.compile(r"# field: (\S+)")


@dataclass(frozen=True)
class Case:
    """One manifest; `field` is "" if it is valid."""

    name: str
    document: dict[str, Any]
    field: str = ""

    def __str__(self) -> str:
        return self.name


@cache
def valid() -> tuple[Case, ...]:
    """Return the manifests that both judges accept."""
    long = job(source={"entrypoint": "main.py", "files": {"main.py": "x" * 262_144}})
    return (*(Case(path.stem, yaml.safe_load(path.read_text())) for path in sorted(ROOT.glob("valid/*.yaml"))), Case("long-file", long))


@cache
def invalid() -> tuple[Case, ...]:
    """Return the manifests that both judges refuse."""
    cases = []
    for path in sorted(ROOT.glob("invalid/*.yaml")):
        text = path.read_text()
        found = _FIELD.match(text)
        assert found, f"{path.name} does not say which field is wrong"
        cases.append(Case(path.stem, yaml.safe_load(text), found[1]))
    too_long = job(source={"entrypoint": "main.py", "files": {"main.py": "x" * 262_145}})
    return (*cases, Case("too-long-file", too_long, "spec.source.files"))


def job(**spec: Any) -> dict[str, Any]:
    """Return the manifest of a small job with some fields of its spec changed; None takes one away."""
    body = {
        "schemaVersion": "1.0",
        "environment": "python",
        "source": {"entrypoint": "main.py", "files": {"main.py": "print('hello')\n"}},
    } | spec
    return {
        "apiVersion": "fumehood.dev/v1alpha1",
        "kind": "AnalysisJob",
        "metadata": {"name": "case", "namespace": "default"},
        "spec": {name: value for name, value in body.items() if value is not None},
    }


def models_verdict(document: dict[str, Any]) -> list[str]:
    """Return the paths of the fields that the models refuse; none: they accept."""
    try:
        MODELS[document["kind"]].model_validate(document)
    except ValidationError as error:
        return [".".join(str(part) for part in fault["loc"]) for fault in error.errors()]
    return []
