from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood.api.v1alpha1 import Ecosystem, PackageVersion
from fumehood.core import packages

DPKG = b"""Package: python3
Status: install ok installed
Version: 3.13.5-1
Description: interactive language
 Package: not-this-one

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: libc6
Status: hold ok installed
Version: 2.41-12
"""
APK = b"C:Q1abc=\nP:musl\nV:1.2.5-r9\nA:x86_64\n\nP:busybox\nV:1.37.0-r12\n"
METADATA = b"Metadata-Version: 2.1\nName: scikit-learn\nVersion: 1.7.2\nRequires-Dist: numpy\n\nName: of the free text\nVersion: 9\n"
R = b"Package: ggplot2\nTitle: Elegant Plots\nVersion: 4.0.1\nDepends: R (>= 4.1)\n"

PATHS = (
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/base",
    "lib/apk/db/installed",
    "usr/lib/python3/dist-packages/a-1.dist-info/METADATA",
    "usr/lib/R/site-library/ggplot2/DESCRIPTION",
    "opt/a.egg-info",
    "opt/a.egg-info/PKG-INFO",
)


def found(path: str, content: bytes) -> list[tuple[str, str, str]]:
    return [(package.ecosystem or "", package.name, package.version) for package in packages.found({path: content})]


@pytest.mark.parametrize(
    ("path", "content", "holds"),
    [
        ("var/lib/dpkg/status", DPKG, [("debian", "libc6", "2.41-12"), ("debian", "python3", "3.13.5-1")]),
        ("var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 13.8\n", [("debian", "base-files", "13.8")]),
        ("lib/apk/db/installed", APK, [("alpine", "busybox", "1.37.0-r12"), ("alpine", "musl", "1.2.5-r9")]),
        ("usr/lib/apk/db/installed", APK, [("alpine", "busybox", "1.37.0-r12"), ("alpine", "musl", "1.2.5-r9")]),
        ("venv/scikit_learn-1.7.2.dist-info/METADATA", METADATA, [("python", "scikit-learn", "1.7.2")]),
        ("venv/x.egg-info/PKG-INFO", METADATA, [("python", "scikit-learn", "1.7.2")]),
        ("venv/x.egg-info", METADATA, [("python", "scikit-learn", "1.7.2")]),
        ("usr/local/lib/R/site-library/ggplot2/DESCRIPTION", R, [("r", "ggplot2", "4.0.1")]),
        ("usr/lib/R/library/ggplot2/DESCRIPTION", R, [("r", "ggplot2", "4.0.1")]),
    ],
)
def test_each_package_manager_is_understood(path: str, content: bytes, holds: list[tuple[str, str, str]]) -> None:
    assert packages.is_list(path)
    assert found(path, content) == holds


@pytest.mark.parametrize(
    "path", ["var/lib/dpkg/status-old", "home/var/lib/dpkg/status", "METADATA", "a/METADATA", "DESCRIPTION", "library/DESCRIPTION", ""]
)
def test_other_files_are_no_lists(path: str) -> None:
    assert not packages.is_list(path)
    assert found(path, DPKG + METADATA) == []


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "\x1b[31mred", "a\u202eb", "../../etc", "=1", "x" * 129, "\ufffd"],
    ids=["no", "space", "two", "red", "turned", "up", "eq", "long", "replaced"],
)
def test_what_is_no_name_is_no_package(name: str) -> None:
    assert found("a.dist-info/METADATA", f"Name: {name}\nVersion: 1\n".encode()) == []
    assert found("a.dist-info/METADATA", f"Name: a\nVersion: {name}\n".encode()) == []


def test_a_list_beyond_all_measure_is_not_read() -> None:
    assert found("a.dist-info/METADATA", b"Name: a\nVersion: 1\n" + b" " * packages.MAX_LIST) == []


@given(st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=300) | st.text(max_size=300).map(str.encode)))
def test_whatever_a_list_holds_packages_come_of_it_that_a_resource_takes(files: dict[str, bytes]) -> None:
    for package in packages.found(files):
        assert PackageVersion.model_validate(package.model_dump()) == package
        assert package.name.isascii() and package.name.isprintable() and " " not in package.name


words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9+._:~-]{0,20}", fullmatch=True)


@given(st.dictionaries(words, words, max_size=8))
def test_what_dpkg_wrote_is_what_is_found(installed: dict[str, str]) -> None:
    text = "\n".join(f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n" for name, version in installed.items())
    assert {name: version for _, name, version in found("var/lib/dpkg/status", text.encode())} == installed


def test_the_inventory_is_that_of_the_set() -> None:
    listed = [PackageVersion(name=name, version="1", ecosystem=Ecosystem.PYTHON) for name in "abc"]
    assert len({packages.inventory(order) for order in permutations(listed)}) == 1
    assert packages.inventory([*listed, listed[0]]) == packages.inventory(listed)


@pytest.mark.parametrize("change", [{"name": "b"}, {"version": "2"}, {"ecosystem": Ecosystem.R}, {"ecosystem": None}])
def test_every_difference_is_one_of_the_inventory(change: dict[str, object]) -> None:
    one = PackageVersion(name="a", version="1", ecosystem=Ecosystem.PYTHON)
    assert packages.inventory([one]) != packages.inventory([one.model_copy(update=change)])
    assert packages.inventory([one]) != packages.inventory([])


def test_differences_are_told_one_by_one() -> None:
    before = [PackageVersion(name="a", version="1"), PackageVersion(name="b", version="1")]
    after = [PackageVersion(name="a", version="2"), PackageVersion(name="b", version="1")]
    assert packages.differences(before, after) == ("- a 1", "+ a 2")
    assert packages.differences(before, before) == ()
