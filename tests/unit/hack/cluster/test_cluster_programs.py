"""Pins and cache: another pin, source or flag is another folder; versions come from go.mod alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from embedded import gvisor, programs

GO_MOD = (programs.SOURCE / "go.mod").read_text()


def test_digest_changes_with_sources_pins_and_flags() -> None:
    files = programs.sources(programs.SOURCE)
    catalogue = programs.catalogue(GO_MOD)
    usual = programs.digest(files, catalogue)
    assert usual == programs.digest(dict(reversed(files.items())), programs.catalogue(GO_MOD))
    for name in ("go.mod", "go.sum", "netpol/main.go"):
        assert programs.digest({**files, name: files[name] + b"\n"}, catalogue) != usual, name
    assert programs.digest(files, [replace(catalogue[0], tags="other"), *catalogue[1:]]) != usual


def test_moving_bytes_between_files_is_a_change() -> None:
    assert programs.digest({"a": b"12", "b": b""}, []) != programs.digest({"a": b"1", "b": b"2"}, [])


def test_everything_is_pinned_and_what_the_node_needs_comes_first() -> None:
    catalogue = programs.catalogue(GO_MOD)
    assert all(program.version.startswith("v") for program in catalogue)
    first = [program.needs_first for program in catalogue]
    assert first == sorted(first, reverse=True)


def test_kubernetes_says_its_version() -> None:
    kubernetes = next(program for program in programs.catalogue(GO_MOD) if program.name == "kubernetes")
    assert f"gitVersion={kubernetes.version}" in kubernetes.linker_flags


def test_a_module_that_is_not_pinned_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not pin"):
        programs.pinned(GO_MOD, "example.org/nothing")


def test_gvisor_has_pins_of_its_own() -> None:
    catalogue = gvisor.catalogue((gvisor.SOURCE / "go.mod").read_text())
    assert [program.binaries for program in catalogue] == [("runsc",), ("containerd-shim-runsc-v1",)]
