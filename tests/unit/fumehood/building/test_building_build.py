"""From a folder to archive and resource, with an engine that only notes what it is asked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from fumehood.building import build, engine, wheels
from fumehood.building.build import Builder, Request
from fumehood.errors import BuildError
from unit.fumehood.building.builders import BASE, RECIPE, FakeEngine


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder, self.engine = folder / "awk", FakeEngine()
        self.folder.mkdir()
        self.output = folder / "out" / "awk.tar"
        self.said: list[str] = []
        self.builder = Builder(self.engine, folder / "cache", self.said.append)

    def recipe(self, **fields: object) -> None:
        given = {name: value for name, value in (RECIPE | fields).items() if value is not None}
        (self.folder / "environment.yaml").write_text(yaml.safe_dump(given))

    def request(self, **more: object) -> Request:
        return Request(self.folder, self.output, **({"repository": "registry.example/awk"} | more))  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path)
    found.recipe()
    return found


def test_a_folder_becomes_an_archive_and_a_resource(place: Place) -> None:
    built = place.builder.build(place.request())
    assert place.engine.builds == [("registry.example/awk:awk-1", BASE)]
    assert "gawk" in place.engine.seen["dockerfile"]
    assert built.resource["spec"]["image"] == f"registry.example/awk@{built.digest}"
    assert built.resource["spec"]["packages"] == [{"name": "gawk", "version": "5.3", "ecosystem": "debian"}]
    assert built.neutralised == ("bin/su",)
    assert place.output.exists()
    assert any(line.startswith("fake builds registry.example/awk:awk-1: ") for line in place.said)


def test_a_dockerfile_of_ones_own_is_used_as_it_is(place: Place) -> None:
    place.recipe(apt=None, base=None)
    (place.folder / "Dockerfile").write_text("FROM scratch\n")
    place.builder.build(place.request(tag="x"))
    assert place.engine.builds == [("registry.example/awk:x", None)]
    assert place.engine.seen["dockerfile"] == "FROM scratch\n"


def test_packages_beside_a_dockerfile_of_ones_own_are_refused(place: Place) -> None:
    (place.folder / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(BuildError, match=r"environment\.yaml: apt: .* has a Dockerfile"):
        place.builder.build(place.request())


def test_a_context_above_the_folder_holds_the_folder_alone(place: Place) -> None:
    (place.folder.parent / "secret").write_text("not for the build")
    place.recipe(apt=None)
    (place.folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY awk/environment.yaml /\n")
    place.builder.build(place.request(context=place.folder.parent))
    assert set(place.engine.seen) == {"awk/environment.yaml", "awk/Dockerfile", "dockerfile"}
    with pytest.raises(BuildError, match="does not lie below"):
        place.builder.build(place.request(context=place.folder / ".." / "cache"))


def test_a_root_file_system_is_imported_once(place: Place) -> None:
    rootfs = place.folder / "rootfs.tar"
    rootfs.write_bytes(b"files")
    place.recipe(base={"rootfs": "rootfs.tar", "digest": "sha256:2d8bd7d9bb5f85ba643f0110d50cb506a1fe439e769a22503193ea6046bb87f7"})
    with pytest.raises(BuildError, match=r"base: .*rootfs\.tar has the digest sha256:.*, and environment\.yaml wants sha256:2d8b"):
        place.builder.build(place.request())
    digest = hashlib.sha256(b"files").hexdigest()
    place.recipe(base={"rootfs": "rootfs.tar", "digest": f"sha256:{digest}"})
    imported = f"localhost/fumehood/rootfs:{digest[:12]}"
    for _ in range(2):
        place.builder.build(place.request())
    assert [tag for tag, _ in place.engine.builds] == [imported, "registry.example/awk:awk-1", "registry.example/awk:awk-1"]
    assert place.engine.builds[1][1] == imported
    assert "rootfs.tar" not in place.engine.seen


def test_the_base_of_the_command_line_comes_first(place: Place) -> None:
    other = "other@sha256:" + "c" * 64
    place.builder.build(place.request(base=other))
    assert place.engine.builds[0][1] == other
    for base, says in (("debian@trixie", "is no image by digest"), ("/no/such.tar", "there is no file /no/such.tar")):
        with pytest.raises(BuildError, match=says):
            place.builder.build(place.request(base=base))


def test_without_a_base_there_is_nothing_to_start_from(place: Place) -> None:
    place.recipe(base=None)
    with pytest.raises(BuildError, match=r"environment\.yaml: base: give one"):
        place.builder.build(place.request())


def test_wheels_are_fetched_for_the_environments_python(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def fetch(lock: Path, python: str, target: Path, log: Path) -> None:
        asked.append((lock.name, python))
        (target / "a.whl").write_text("wheel")

    monkeypatch.setattr(wheels, "fetch", fetch)
    place.recipe(lock="requirements.lock", python="3.12")
    with pytest.raises(BuildError, match=r"lock: there is no file requirements\.lock"):
        place.builder.build(place.request())
    (place.folder / "requirements.lock").write_text("")
    place.builder.build(place.request())
    assert asked == [("requirements.lock", "3.12")]
    assert place.engine.seen["build/wheels/a.whl"] == "wheel"


def test_a_folder_without_a_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"environment\.yaml cannot be read"):
        build.read(tmp_path)


def test_platforms_of_wheels_are_those_of_the_machine_newest_first() -> None:
    names = wheels.platforms("aarch64")
    assert names[0] == "manylinux_2_41_aarch64" and all(name.endswith("_aarch64") for name in names)


def test_without_a_program_that_builds_it_says_which_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="install buildah, or start a Docker engine"):
        engine.choose(tmp_path, None)


@pytest.mark.parametrize(("name", "uncached"), [("docker", "--no-cache"), ("buildah", "--layers=false")])
def test_what_engines_are_asked(name: str, uncached: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The programs are stand-ins: the command lines are the contract."""
    program = tmp_path / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH -- >> {tmp_path}/words\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    chosen = engine.choose(tmp_path, name)
    chosen.build(tmp_path, tmp_path / "Dockerfile", "x:1", BASE, tmp_path / "log")
    chosen.save("x:1", tmp_path / "x.tar", tmp_path / "log")
    words = (tmp_path / "words").read_text().split("\n")
    assert {f"--build-arg=BASE={BASE}", "--tag=x:1", uncached} <= set(words)
    assert "SOURCE_DATE_EPOCH=1793491200" in words
    assert any(str(tmp_path / "x.tar") in word for word in words)


def test_a_build_that_fails_tells_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"sh failed with 3 \(all in .*\):\nno such package"):
        engine.run(["sh", "-c", "echo no such package >&2; exit 3"], tmp_path / "log")
    with pytest.raises(BuildError, match="no-such-program is not installed"):
        engine.run(["no-such-program"], tmp_path / "log")
