"""Archives and the record of what is in the cluster."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from imagetools import archives, catalogue, cluster, record

ROOT = Path(__file__).resolve().parents[4]
IMAGES = catalogue.catalogue(ROOT)
DIGEST = "sha256:" + "a" * 64


def blob(layout: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    path = layout / "blobs/sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"sha256:{digest}"


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    folder = tmp_path / "layout"
    shared = blob(folder, b"shared layer")
    entries = []
    for name in ("one", "two"):
        layers = [{"digest": shared}, {"digest": blob(folder, f"layer of {name}".encode())}]
        manifest = {"config": {"digest": blob(folder, name.encode())}, "layers": layers}
        digest = blob(folder, json.dumps(manifest).encode())
        entries.append({"digest": digest, "annotations": {archives.REF_NAME: f"localhost/{name}:1"}})
    (folder / "index.json").write_text(json.dumps({"manifests": entries}))
    (folder / "oci-layout").write_text("{}")
    return folder


def test_an_archive_holds_one_image_of_the_layout(layout: Path, tmp_path: Path) -> None:
    archives.pack(layout, "localhost/two:1", tmp_path / "two.tar")
    entries: list[dict[str, Any]] = json.loads((layout / "index.json").read_text())["manifests"]
    assert archives.manifest_digest(tmp_path / "two.tar") == entries[1]["digest"]
    assert b"layer of two" in (tmp_path / "two.tar").read_bytes()
    assert b"layer of one" not in (tmp_path / "two.tar").read_bytes()


def test_the_same_image_gives_the_same_archive(layout: Path, tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        archives.pack(layout, "localhost/one:1", tmp_path / name)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_sweeping_keeps_what_an_image_needs(layout: Path) -> None:
    before = set((layout / "blobs").rglob("*"))
    garbage = blob(layout, b"layer of yesterday")
    archives.sweep(layout)
    assert set((layout / "blobs").rglob("*")) == before
    assert not (layout / archives._path(garbage)).exists()


def test_old_archives_go(tmp_path: Path) -> None:
    for age in range(5):
        file = tmp_path / f"python-{age}.tar"
        file.write_bytes(b"")
        os.utime(file, (1000 - age, 1000 - age))
    (tmp_path / "operator-0.tar").write_bytes(b"")
    archives.prune(tmp_path, "python", tmp_path / "python-0.tar")
    assert {file.name for file in tmp_path.iterdir()} == {"python-0.tar", "python-1.tar", "operator-0.tar"}


def test_references_are_by_digest_and_environments_say_what_they_hold() -> None:
    document: dict[str, Any] = {}
    for name in ("operator", "sandbox", "python"):
        document = record.merge(document, IMAGES[name], record.entry(ROOT, IMAGES[name], DIGEST, {}))
    assert document["sandbox"]["reference"] == f"localhost/fumehood/sandbox@{DIGEST}"
    assert document["operator"]["tag"].startswith("localhost/fumehood/operator:")
    python = document["environments"]["python"]
    assert python["envVersion"] == IMAGES["python"].version and python["packages"]["numpy"]


def test_a_record_replaces_only_its_own_image() -> None:
    before: dict[str, Any] = {"operator": {"reference": "x"}, "environments": {"r": {"reference": "y"}}}
    after = record.merge(before, IMAGES["python"], {"reference": "z"})
    assert after == {"operator": {"reference": "x"}, "environments": {"r": {"reference": "y"}, "python": {"reference": "z"}}}
    assert "python" not in before["environments"]


def test_images_of_tests_are_recorded_apart() -> None:
    document = record.merge({}, IMAGES["test-static"], record.entry(ROOT, IMAGES["test-static"], DIGEST, {}))
    assert document == {
        "tests": {"static": {"reference": f"localhost/fumehood/test-static@{DIGEST}", "tag": IMAGES["test-static"].tag}},
    }


def test_an_image_counts_as_loaded_only_if_every_node_has_it() -> None:
    def node(*names: str) -> dict[str, Any]:
        return {"status": {"images": [{"names": list(names)}]}}

    assert cluster.names_on_all([node("a", "b"), node("b", "c")]) == {"b"}
    assert cluster.names_on_all([]) == set()
    assert cluster.names_on_all([{"status": {}}]) == set()


@pytest.mark.parametrize("text", ["", "name: python", '{"name": "python"}'])
def test_a_description_that_lacks_something_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "environment.yaml").write_text(text)
    with pytest.raises(catalogue.ImagesError):
        catalogue.describe(tmp_path / "environment.yaml")


def test_locked_versions_are_read_with_markers_and_extras() -> None:
    lock = "# x\na==1.0 \\\n    --hash=sha256:0\nb[c]==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:1\n    # via a==3\n"
    assert catalogue.locked_packages(lock) == {"a": "1.0", "b": "2.0"}
