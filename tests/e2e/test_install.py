"""What an administrator does: install, test the installation, try the examples, inspect the images."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Cluster, job

pytestmark = pytest.mark.cluster

EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))


def test_helm_test_passes(environ: dict[str, str]) -> None:
    done = subprocess.run(
        ["helm", "test", "fumehood", "--namespace", "fumehood-system", "--timeout", "10m"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded" in done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_of_the_docs_runs(cluster: Cluster, path: Path) -> None:
    done = cluster.run(yaml.safe_load(path.read_text()))
    status = done["status"]
    if path.stem == "too-slow":
        assert (status["failure"]["category"], status["failure"]["reason"]) == ("RESOURCE_LIMIT", "WallClockExceeded")
    else:
        assert status["phase"] == "Succeeded", status


def test_parameters_cannot_be_changed(cluster: Cluster) -> None:
    cluster.create(job("parameters", "import time\ntime.sleep(600)", parameters={"a": 1}, cancel=True))
    for spec in ({"parameters": {"a": 2}}, {"parameters": None}):
        done = cluster.kubectl("patch", "analysisjob", "parameters", "--type=merge", "-p", json.dumps({"spec": spec}), check=False)
        assert done.returncode != 0
        assert "parameters" in done.stderr


def test_the_operator_may_not_read_secrets(cluster: Cluster) -> None:
    account = "--as=system:serviceaccount:fumehood-system:fumehood"
    for verb in ("get", "list", "watch"):
        assert cluster.kubectl("auth", "can-i", verb, "secrets", account, check=False).stdout.strip() == "no"
    assert cluster.kubectl("auth", "can-i", "create", "secrets", account).stdout.strip() == "yes"


def test_no_image_holds_a_setuid_file(cluster: Cluster, images: Any) -> None:
    code = """
import os
found = []
for folder, _, names in os.walk("/"):
    if folder.startswith(("/proc", "/sys", "/dev")):
        continue
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.lstat(path).st_mode & 0o6000 and not os.path.islink(path):
                found.append(path)
        except OSError:
            pass
print(found)
raise SystemExit(bool(found))
"""
    done = cluster.run(job("setuid", code))
    assert done["status"]["phase"] == "Succeeded", done["status"]


def test_environments_are_by_digest_and_versioned(cluster: Cluster, images: Any) -> None:
    environment = cluster.get("analysisenvironment", "python")["spec"]
    recorded = images["environments"]["python"]
    assert (environment["image"], environment["envVersion"]) == (recorded["reference"], recorded["envVersion"])
