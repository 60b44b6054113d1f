"""Archives as builders write them, and what becomes of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood.building import archive
from fumehood.errors import BuildError
from unit.fumehood.building.builders import file, oci, special, tar

CAPABILITY = "SCHILY.xattr.security.capability"


def entries(path: Path) -> list[tarfile.TarInfo]:
    """The members of all layers, in their order."""
    with tarfile.open(path) as packed:

        def read(name: str) -> bytes:
            member = packed.extractfile(name)
            assert member is not None
            return member.read()

        index = json.loads(read("index.json"))["manifests"][0]
        raw = read(archive._blob(index["digest"]))
        assert "sha256:" + hashlib.sha256(raw).hexdigest() == index["digest"]
        found: list[tarfile.TarInfo] = []
        config = json.loads(read(archive._blob(json.loads(raw)["config"]["digest"])))
        for layer, plain in zip(json.loads(raw)["layers"], config["rootfs"]["diff_ids"], strict=True):
            content = read(archive._blob(layer["digest"]))
            assert "sha256:" + hashlib.sha256(content).hexdigest() == layer["digest"] and len(content) == layer["size"]
            unpacked = gzip.decompress(content)
            assert "sha256:" + hashlib.sha256(unpacked).hexdigest() == plain
            with tarfile.open(fileobj=io.BytesIO(unpacked)) as inner:
                found += inner.getmembers()
        return found


def normalise(tmp_path: Path, layers: Sequence[Sequence[tuple[tarfile.TarInfo, bytes]]], **more: Any) -> archive.Image:
    source = oci(tmp_path / "in.tar", [tar(layer) for layer in layers], **more)
    return archive.normalise(source, tmp_path / "out.tar", "localhost/x:1")


def test_setuid_setgid_and_capabilities_are_taken_off_and_told(tmp_path: Path) -> None:
    image = normalise(
        tmp_path,
        [
            [
                file("bin/su", b"x", 0o4755),
                file("bin/chage", b"x", 0o2755),
                file("bin/ping", b"x", 0o755, pax_headers={CAPABILITY: "\x01\x02", "SCHILY.xattr.user.note": "kept"}),
                file("bin/ls", b"x", 0o755),
                special("var/mail", tarfile.DIRTYPE, mode=0o2775),
            ]
        ],
    )
    found = {member.name: member for member in entries(tmp_path / "out.tar")}
    assert image.content.neutralised == {"bin/su", "bin/chage", "bin/ping"}
    assert {name: oct(found[name].mode) for name in ("bin/su", "bin/chage")} == {"bin/su": "0o755", "bin/chage": "0o755"}
    assert found["bin/ping"].pax_headers == {"SCHILY.xattr.user.note": "kept"}
    assert found["var/mail"].mode == 0o2775


def test_time_stamps_and_compression_do_not_tell_equal_images_apart(tmp_path: Path) -> None:
    young = [file("a", b"1", mtime=archive.EPOCH + 5, uname="me"), file("old", b"2", mtime=7)]
    younger = [file("a", b"1", mtime=archive.EPOCH + 99.5), file("old", b"2", mtime=7)]
    one = archive.normalise(oci(tmp_path / "a", [tar(young)], {"created": "1"}), tmp_path / "1", "x:1")
    two = archive.normalise(oci(tmp_path / "b", [gzip.compress(tar(younger), 1)], {"created": "2"}), tmp_path / "2", "x:1")
    assert one.digest == two.digest
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert [member.mtime for member in entries(tmp_path / "1")] == [archive.EPOCH, 7]


@pytest.mark.parametrize("other", [[file("a", b"2")], [file("a", b"1", 0o755)], [file("b", b"1")], []])
def test_every_other_difference_does(tmp_path: Path, other: Any) -> None:
    assert normalise(tmp_path, [[file("a", b"1")]]).digest != normalise(tmp_path, [other]).digest


def test_an_archive_normalised_again_stays_as_it_is(tmp_path: Path) -> None:
    first = normalise(tmp_path, [[file("bin/su", b"x", 0o4755)]])
    again = archive.normalise(tmp_path / "out.tar", tmp_path / "again.tar", "localhost/x:1")
    assert (again.digest, again.content.neutralised) == (first.digest, set())


STATUS = "var/lib/dpkg/status"


@pytest.mark.parametrize(
    "upper",
    [
        [file("var/lib/dpkg/.wh.status")],
        [file("var/lib/dpkg/.wh..wh..opq")],
        [file("var/.wh.lib")],
        [special("var/lib", tarfile.SYMTYPE, linkname="/tmp")],
    ],
    ids=["removed", "opaque", "folder-removed", "replaced"],
)
def test_what_an_upper_layer_removes_is_not_in_the_image(tmp_path: Path, upper: Any) -> None:
    lower = [file(STATUS, b"Package: a\nVersion: 1\n"), file("var/lib/dpkg/su", b"", 0o4755)]
    assert normalise(tmp_path, [lower]).content.lists == {STATUS: b"Package: a\nVersion: 1\n"}
    assert STATUS not in normalise(tmp_path, [lower, upper]).content.lists


def test_what_an_upper_layer_replaces_counts_as_it_is_there(tmp_path: Path) -> None:
    image = normalise(tmp_path, [[file(STATUS, b"old"), file("su", b"", 0o4755)], [file("./" + STATUS, b"new"), file("su", b"", 0o755)]])
    assert image.content.lists == {STATUS: b"new"}
    assert image.content.neutralised == set()


def test_an_opaque_folder_hides_only_what_is_below(tmp_path: Path) -> None:
    image = normalise(tmp_path, [[file(STATUS, b"lower")], [file(STATUS, b"upper"), file("var/lib/dpkg/.wh..wh..opq")]])
    assert image.content.lists == {STATUS: b"upper"}


def test_device_nodes_are_left_out_and_told(tmp_path: Path) -> None:
    image = normalise(tmp_path, [[special("dev/sda", tarfile.BLKTYPE), special("dev/mem", tarfile.CHRTYPE), file("a")]])
    assert image.content.dropped == {"dev/sda", "dev/mem"}
    assert [member.name for member in entries(tmp_path / "out.tar")] == ["a"]


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b"])
def test_what_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BuildError, match="leads out of the image"):
        normalise(tmp_path, [[file(name)]])
    assert not (tmp_path / "out.tar").exists()


@pytest.mark.parametrize(("more", "says"), [({"images": 2}, "holds 2 images"), ({"config": {"os": "windows"}}, "is for windows")])
def test_other_images_are_refused(tmp_path: Path, more: Any, says: str) -> None:
    with pytest.raises(BuildError, match=says):
        normalise(tmp_path, [[file("a")]], **more)


@pytest.mark.parametrize(
    "layer",
    [b"\x28\xb5\x2f\xfd" + b"zstd" * 200, b"no tar at all" * 100, gzip.compress(tar([file("a")]))[:20]],
    ids=["zstd", "no-tar", "cut"],
)
def test_layers_that_cannot_be_read_are_refused(tmp_path: Path, layer: bytes) -> None:
    with pytest.raises(BuildError, match="not an OCI archive"):
        archive.normalise(oci(tmp_path / "in.tar", [layer]), tmp_path / "out.tar", "x:1")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_whatever_an_archive_is_it_is_refused_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "in.tar").write_bytes(content)
    with pytest.raises(BuildError):
        archive.normalise(folder / "in.tar", folder / "out.tar", "x:1")
    assert {path.name for path in folder.iterdir()} == {"in.tar"}
