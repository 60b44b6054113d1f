"""The chart as its tests see it: rendered by Helm, parsed, looked up by kind."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
CHART = ROOT / "charts" / "fumehood"
CI = sorted((CHART / "ci").glob("*.yaml"))
ENVIRONMENT = {"image": "registry.example/env@sha256:" + "0" * 64, "adapter": "python", "envVersion": "1"}
MINIMAL = {"store": {"endpoint": "https://s3.example", "bucket": "fumehood", "existingSecret": "keys"}}

Document = dict[str, Any]


@functools.cache
def helm() -> str:
    """Return Helm's path: on PATH, or among the programs of the development cluster."""
    env = ROOT / ".cluster" / "env"
    found = re.search(r"^export PATH=([^:]+):", env.read_text(), re.MULTILINE) if env.exists() else None
    path = os.pathsep.join(([found[1]] if found else []) + [os.environ.get("PATH", "")])
    program = shutil.which("helm", path=path)
    if program is None:
        pytest.skip("helm is not there; `make cluster` brings it")
    return program


def run(verb: str, *arguments: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm without anybody's settings; `given` is its standard input."""
    environ = {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"}
    return subprocess.run([helm(), verb, *map(str, arguments)], capture_output=True, text=True, check=False, env=environ, input=given)


def template(values: Document, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Render the chart as release `fh` in namespace `fumehood-system`."""
    return _template(json.dumps(values), *arguments)


@functools.cache
def _template(values: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("template", "fh", CHART, "--namespace", "fumehood-system", "--values", "-", *arguments, given=values)


def documents(text: str) -> list[Document]:
    """Return the objects of a rendered chart."""
    return [document for document in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if document]


def render(values: Document, *arguments: str) -> list[Document]:
    """Return the objects that the chart makes with these values."""
    done = template(merged(MINIMAL, values), *arguments)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


def merged(base: Document, over: Document) -> Document:
    """Return `base` with `over` laid over it, maps merged."""
    return base | {
        key: merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in over.items()
    }


def of_kind(found: list[Document], kind: str) -> list[Document]:
    """Return the objects of one kind."""
    return [document for document in found if document["kind"] == kind]


def is_test(document: Document) -> bool:
    """Whether an object exists for `helm test` alone."""
    return bool((document["metadata"].get("annotations") or {}).get("helm.sh/hook") == "test")


def operator(found: list[Document]) -> Document:
    """Return the operator's container."""
    (deployment,) = of_kind(found, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def environment(found: list[Document]) -> dict[str, Any]:
    """Return the operator's variables; a reference to a Secret as (name, key)."""

    def value(entry: Document) -> Any:
        reference = entry.get("valueFrom", {}).get("secretKeyRef")
        return (reference["name"], reference["key"]) if reference else entry["value"]

    return {entry["name"]: value(entry) for entry in operator(found)["env"]}


def load(path: Path) -> Any:
    """Return a script of hack/ as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
