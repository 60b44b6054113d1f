"""Real kernel, real processes: these tests need root, to make what a container runtime makes."""

from __future__ import annotations

import compileall
import os
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fumehood_sandbox.filters import __main__ as filters
from unit.fumehood_sandbox.objectstore import ObjectStore
from unit.fumehood_sandbox.pod import SOURCES, Pod


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Containers see the sources read-only and could not keep what they compile; the filters are made as for an image."""
    filters.main()
    compileall.compile_dir(SOURCES / "fumehood_sandbox", quiet=1)


@pytest.fixture
def store() -> ObjectStore:
    return ObjectStore()


@pytest.fixture
def pod(tmp_path: Path, store: ObjectStore) -> Iterator[Pod]:
    if os.geteuid() != 0:
        pytest.skip("namespaces as a container runtime makes them need root")
    for parent in tmp_path.parents[:3]:
        if parent.stat().st_uid == 0 and str(parent) not in ("/", "/tmp"):
            parent.chmod(0o755)
    pod = Pod(tmp_path, store)
    yield pod
    pod.close()


@pytest.fixture
def forked() -> Callable[[Callable[[], Any]], Any]:
    """Call a function in a child process, for what cannot be undone; return its result."""

    def call(function: Callable[[], Any]) -> Any:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reading)
                os.write(writing, pickle.dumps(function()))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            data = file.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return pickle.loads(data) if status == 0 else status

    return call
