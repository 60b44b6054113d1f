"""Who stands behind a port, in earnest or in a test, has its methods with its parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from fumehood import ports
from fumehood.adapters.command import CommandAdapter
from fumehood.adapters.latex import LatexAdapter
from fumehood.adapters.python import PythonAdapter
from fumehood.adapters.r import RAdapter
from fumehood.executors.kubernetes.executor import KubernetesExecutor
from fumehood.kube import KubeClient
from fumehood.storage.s3 import S3Store
from unit.fumehood.fakes import FakeClock, FakeCluster, FakeStore


def methods(port: type) -> dict[str, Any]:
    return {
        name: value for name, value in vars(port).items() if inspect.isfunction(value) and (name == "__call__" or not name.startswith("_"))
    }


@pytest.mark.parametrize(
    ("port", "implementation"),
    [
        (ports.Executor, KubernetesExecutor),
        (ports.Cluster, KubeClient),
        (ports.Cluster, FakeCluster),
        (ports.ArtifactStore, S3Store),
        (ports.ArtifactStore, FakeStore),
        (ports.Adapter, PythonAdapter),
        (ports.Adapter, LatexAdapter),
        (ports.Adapter, RAdapter),
        (ports.Adapter, CommandAdapter),
        (ports.Clock, FakeClock),
    ],
    ids=lambda value: value.__name__,
)
def test_methods_and_parameters(port: type, implementation: type) -> None:
    for name, promised in methods(port).items():
        found = getattr(implementation, name)
        assert list(inspect.signature(found).parameters) == list(inspect.signature(promised).parameters), name
        assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(promised), name
