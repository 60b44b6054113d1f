"""The payload holds every module that the programs beside hostile code import."""

from __future__ import annotations

import sys
from pathlib import Path

import payload
import pytest

from fumehood_sandbox import transport

ROOT = Path(__file__).resolve().parents[4]
ROOTS, EXCLUDES = payload.read_list((ROOT / "images/sandbox/modules.txt").read_text())
MODULES = set(payload.closure(ROOTS, EXCLUDES))


def test_the_payload_covers_our_imports() -> None:
    ours = payload.imports(ROOT / "operator" / payload.PACKAGE)
    assert not ours - {*ROOTS, *MODULES, *sys.builtin_module_names}


def test_our_programs_use_the_standard_library_alone() -> None:
    ours = payload.imports(ROOT / "operator" / payload.PACKAGE)
    assert {name.partition(".")[0] for name in ours} <= set(sys.stdlib_module_names)


def test_a_foreign_import_is_seen(tmp_path: Path) -> None:
    package = tmp_path / payload.PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("import os, sqlite3\nfrom . import b\nfrom .c import d\n\ndef f():\n    from xml.dom import minidom\n")
    assert payload.imports(package) == {"os", "sqlite3", "xml.dom"}
    assert not {"sqlite3", "xml.dom"} & MODULES


def test_what_an_attacker_would_like_is_not_there() -> None:
    assert not {"pdb", "asyncio", "multiprocessing", "xml.dom", "sqlite3", "urllib.request", "pickle"} & MODULES


def test_what_is_kept_is_not_excluded() -> None:
    assert not set(ROOTS) & set(EXCLUDES)
    assert len(set(ROOTS)) == len(ROOTS)


def test_a_root_that_does_not_exist_stops_the_build() -> None:
    with pytest.raises(SystemExit, match="no_such_module"):
        payload.closure(["no_such_module"], [])


def test_compiled_filters_come_along_and_their_compiler_stays_behind(tmp_path: Path) -> None:
    package = tmp_path / payload.PACKAGE
    for name in ("a.py", f"{payload.BUILD_ONLY}/b.py", f"{payload.COMPILED}/x.bpf"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("import sqlite3\n" if "b.py" in name else "")
    payload.place_package(package, tmp_path / "lib")
    placed = {file.relative_to(tmp_path / "lib" / payload.PACKAGE).as_posix() for file in (tmp_path / "lib").rglob("*.*")}
    assert placed == {"a.pyc", f"{payload.COMPILED}/x.bpf"}
    assert payload.imports(package) == set()
    assert payload.modules_of(package) == [f"{payload.PACKAGE}.a"]


def test_a_payload_without_filters_stops_the_build(tmp_path: Path) -> None:
    package = tmp_path / payload.PACKAGE
    package.mkdir()
    with pytest.raises(FileNotFoundError):
        payload.place_package(package, tmp_path / "lib")


def test_modules_become_sourceless(tmp_path: Path) -> None:
    source = tmp_path / "x.py"
    source.write_text("VALUE = 1\n")
    payload.compile_to(source, tmp_path / "lib" / "x.pyc", "x.py")
    content = (tmp_path / "lib" / "x.pyc").read_bytes()
    assert int.from_bytes(content[4:8], "little") == 0b01, "by hash, and not compared with the source"
    assert str(tmp_path).encode() not in content


def test_the_authorities_lie_where_our_transport_looks_for_them(tmp_path: Path) -> None:
    bundle, lib = tmp_path / "bundle.crt", tmp_path / "lib"
    (lib / payload.PACKAGE).mkdir(parents=True)
    bundle.write_text("-----BEGIN CERTIFICATE-----\n")
    payload.place_authorities(bundle, lib)
    (placed,) = (lib / payload.PACKAGE).iterdir()
    assert placed.name == Path(transport.AUTHORITIES).name
    assert Path(transport.AUTHORITIES).parent.name == payload.PACKAGE
    assert placed.read_text() == bundle.read_text()


def test_a_bundle_without_certificates_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "empty.crt").write_text("")
    with pytest.raises(SystemExit, match="no certificates"):
        payload.place_authorities(tmp_path / "empty.crt", tmp_path)


def test_the_image_is_built_with_the_authorities_of_its_base() -> None:
    lines = (ROOT / "images/sandbox/Dockerfile").read_text()
    assert "python3 ca-certificates\n" in lines
    assert "/src/modules.txt /etc/ssl/certs/ca-certificates.crt /payload\n" in lines
