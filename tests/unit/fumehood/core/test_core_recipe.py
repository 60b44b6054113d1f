from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from fumehood.api import crd
from fumehood.api.v1alpha1 import MAX_PACKAGES, AnalysisEnvironment, Ecosystem, PackageVersion
from fumehood.core import environments, recipe
from fumehood.errors import BuildError

ROOT = Path(__file__).resolve().parents[4]
DIGEST = "sha256:" + "a" * 64
IMAGE = f"registry.example/awk@{DIGEST}"
PACKAGES = (PackageVersion(name="gawk", version="1:5.3.0-1", ecosystem=Ecosystem.DEBIAN),)
SCHEMA = crd.documents()["analysisenvironments.yaml"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def text(**fields: Any) -> str:
    given = {"name": "awk", "envVersion": "awk-2026.11", "adapter": "command", "base": {"image": f"debian@{DIGEST}"}} | fields
    return yaml.safe_dump({name: value for name, value in given.items() if value is not None})


def fault(**fields: Any) -> str:
    with pytest.raises(BuildError) as caught:
        recipe.read(text(**fields))
    return str(caught.value)


FULL: dict[str, Any] = {
    "description": "awk, by itself",
    "default": True,
    "command": ["/usr/bin/gawk", "-f", "{entrypoint}"],
    "env": {"LANG": "C.UTF-8"},
    "runtimeClassName": "gvisor",
    "userNamespaces": "Required",
    "onViolation": "Record",
    "defaults": {"memory": "256Mi", "wallClock": "1m"},
    "maximums": {"processes": 16},
}


def test_the_resource_is_one_that_the_cluster_takes() -> None:
    document = recipe.resource(recipe.read(text(**FULL)), IMAGE, PACKAGES)
    Draft202012Validator(SCHEMA).validate(document)
    made = AnalysisEnvironment.model_validate(document)
    assert {name: document["spec"][name] for name in FULL} == FULL
    assert made.spec.packages == PACKAGES
    assert made.spec.image == IMAGE
    assert (environments.name(made), environments.version(made)) == ("awk", "2026.11")


def test_what_is_not_said_is_left_to_the_cluster() -> None:
    spec = recipe.resource(recipe.read(text()), IMAGE, PACKAGES)["spec"]
    assert set(spec) == {"image", "envVersion", "adapter", "packages", "inventory"}


def test_more_packages_than_a_resource_lists_are_refused() -> None:
    many = tuple(PackageVersion(name=f"p{number}", version="1") for number in range(MAX_PACKAGES + 1))
    given = recipe.read(text())
    assert len(recipe.resource(given, IMAGE, many[1:])["spec"]["packages"]) == MAX_PACKAGES
    with pytest.raises(BuildError, match=f"holds {MAX_PACKAGES + 1} packages"):
        recipe.resource(given, IMAGE, many)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "Awk"}, "environment.yaml: name: 'Awk': "),
        ({"name": None}, "environment.yaml: name: Field required; right would be e.g. python"),
        ({"envVersion": "awk 1"}, "environment.yaml: envVersion: 'awk 1': "),
        ({"envVersion": "awk-2026.11_RC"}, "envVersion: 'awk-2026.11_RC' ends in no version; lower-case letters, digits and dots"),
        ({"adpater": "x"}, "environment.yaml: adpater: there is no such field; adapter is one"),
        ({"base": {"image": "debian:trixie"}}, "environment.yaml: base.image: 'debian:trixie': "),
        ({"base": {"image": "debian:trixie"}}, "right would be e.g. docker.io/library/debian@sha256:…"),
        ({"base": {}}, "base: give either image (NAME@sha256:DIGEST) or rootfs"),
        ({"base": {"image": f"a@{DIGEST}", "rootfs": "a.tar", "digest": DIGEST}}, "base: give either image"),
        ({"base": {"rootfs": "a.tar"}}, "base: digest (sha256:…) goes with rootfs"),
        ({"base": {"rootfs": "../a.tar", "digest": DIGEST}}, "environment.yaml: base.rootfs: '../a.tar': "),
        ({"base": {"rotfs": "a.tar"}}, "base.rotfs: there is no such field; rootfs is one"),
        ({"apt": ["$(id)"]}, "environment.yaml: apt.0: '$(id)': "),
        ({"apt": ["a; id"]}, "right would be e.g. [python3, fonts-dejavu-core=2.37-8]"),
        ({"lock": "/etc/passwd"}, "environment.yaml: lock: '/etc/passwd': "),
        ({"python": "3"}, 'right would be e.g. "3.13"'),
        ({"defaults": {"wallclock": "5m"}}, "defaults.wallclock: there is no such limit; wallClock is one"),
        ({"defaults": {"wallClock": "soon"}}, "defaults.wallClock: 'soon': "),
        ({"env": {"no name": "x"}}, "environment.yaml: env.no name"),
        ({"userNamespaces": "Maybe"}, "environment.yaml: userNamespaces: 'Maybe': "),
        ({"adapter": "python", "command": ["/prog"]}, "command is for the adapter command"),
    ],
)
def test_what_is_wrong_is_told_with_field_value_and_what_would_be_right(fields: dict[str, Any], says: str) -> None:
    assert says in fault(**fields)


def test_all_faults_are_told_at_once() -> None:
    assert len(fault(name="A", adapter="B").splitlines()) == 2


@pytest.mark.parametrize("broken", ["[1", "- a\n", "", "3"])
def test_what_is_no_mapping_is_refused(broken: str) -> None:
    with pytest.raises(BuildError, match=r"environment\.yaml"):
        recipe.read(broken)


def test_the_dockerfile_names_what_is_installed_and_no_more() -> None:
    plain = recipe.dockerfile(recipe.read(text()))
    assert plain == "ARG BASE\nFROM ${BASE} AS installed\n"
    packages = recipe.dockerfile(recipe.read(text(apt=["gawk", "mawk=1.3"])))
    assert "apt-get install -y --no-install-recommends gawk mawk=1.3 &&" in packages
    assert "pip" not in packages
    locked = recipe.dockerfile(recipe.read(text(lock="requirements.lock")))
    assert "--no-index" in locked and "--require-hashes" in locked and "COPY requirements.lock " in locked


def test_the_last_stage_of_a_dockerfile_holds_no_installer() -> None:
    last = recipe.dockerfile(recipe.read(text(apt=["python3"], lock="requirements.lock"))).rpartition("\nFROM ")[2]
    assert "pip" not in last and "apt-get" not in last


@pytest.mark.parametrize("path", sorted(ROOT.glob("images/*/environment.yaml")), ids=lambda path: path.parent.name)
def test_the_projects_own_environments_are_recipes(path: Path) -> None:
    given = recipe.read(path.read_text())
    assert given.name == path.parent.name
