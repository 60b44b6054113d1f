"""What people keep in images/: Dockerfiles, descriptions, locks, the payload's module list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from imagetools import catalogue
from imagetools.wheels import platforms

ROOT = Path(__file__).resolve().parents[4]
IMAGES = catalogue.catalogue(ROOT)
LOCKS = sorted({image.lock for image in IMAGES.values() if image.lock})


@pytest.fixture(params=sorted(IMAGES))
def dockerfile(request: pytest.FixtureRequest) -> str:
    return (ROOT / IMAGES[request.param].dockerfile).read_text()


def test_the_images_that_there_must_be() -> None:
    assert {"operator", "sandbox", "python"} <= set(IMAGES)
    assert {name for name, image in IMAGES.items() if image.environment} >= {"python"}


def test_the_base_is_an_argument(dockerfile: str) -> None:
    assert re.search(r"^ARG BASE=", dockerfile, re.MULTILINE)
    stages = {name for name in re.findall(r"^FROM \S+ AS (\S+)", dockerfile, re.MULTILINE)}
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    assert bases - stages <= {"${BASE}", "scratch"}


def test_nothing_is_fetched_by_address(dockerfile: str) -> None:
    assert not re.search(r"^ADD ", dockerfile, re.MULTILINE)
    assert "://" not in dockerfile


def test_privilege_bits_are_taken_away(dockerfile: str) -> None:
    last = dockerfile[dockerfile.rindex("\nFROM ") :]
    cleaned = dockerfile if "\nFROM interpreter" in last else last
    assert last.startswith("\nFROM scratch") or "-exec chmod a-s" in cleaned[cleaned.index("apt-get install") :]


def test_the_operator_is_not_root() -> None:
    assert "\nUSER 65532:65532\n" in (ROOT / "images/operator/Dockerfile").read_text()


def test_the_operators_image_has_no_shell_and_no_package_manager() -> None:
    whole = (ROOT / "images/operator/Dockerfile").read_text()
    last = whole[whole.rindex("\nFROM ") :]
    assert last.startswith("\nFROM scratch\n") and "\nRUN " not in last
    (copied,) = re.findall(r"cp -a --parents (.*?) /bare\n", whole, re.DOTALL)
    programs = [path for path in copied.split() if "/bin/" in path]
    assert programs == ["/usr/bin/python3*"]
    assert not re.search(r"/(sbin|etc/apt|usr/lib/apt|usr/share)( |$|/\*)", copied)


def test_an_environment_holds_nothing_of_ours() -> None:
    for image in IMAGES.values():
        if image.environment:
            copies = re.findall(r"^COPY (?!--from)(\S+)", (ROOT / image.dockerfile).read_text(), re.MULTILINE)
            assert all(source.startswith(f"images/{image.name}/") for source in copies)


def test_the_label_says_the_environments_version() -> None:
    for image in IMAGES.values():
        if image.environment:
            assert f'image.version="{image.version}"' in (ROOT / image.dockerfile).read_text()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_has_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text())
    named = [entry for entry in entries if not entry.startswith("#")]
    assert len(named) == len(catalogue.locked_packages((ROOT / lock).read_text()))
    assert not [entry.split()[0] for entry in named if "--hash=sha256:" not in entry]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links", (ROOT / lock).read_text())


def test_the_python_environment_has_what_it_promises() -> None:
    packages = catalogue.locked_packages((ROOT / "images/python/requirements.lock").read_text())
    assert {"numpy", "scipy", "pandas", "matplotlib", "statsmodels", "scikit-learn"} <= set(packages)


def test_wheels_for_a_newer_libc_than_the_base_image_has_are_not_taken() -> None:
    names = platforms("aarch64")
    assert "manylinux_2_17_aarch64" in names and "manylinux_2_41_aarch64" in names and "manylinux_2_42_aarch64" not in names
