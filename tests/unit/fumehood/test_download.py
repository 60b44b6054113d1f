"""`fumehood download`: names are a job's choice, on disk and on the screen."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any

import pytest

from fumehood_sandbox import wire

download = importlib.import_module("fumehood.cli.download")  # its package has a command of the same name
CONTENT = b"good"
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Store:
    async def read(self, key: str, max_bytes: int) -> bytes:
        return CONTENT


def manifest(name: str, digest: str = DIGEST) -> Any:
    artifact = wire.Artifact(name, "export", "text", "text/plain", digest, 4, "k")
    subject, claim = wire.Subject("lab", "x", "u", 1), wire.Claim(wire.Ending.EXITED, 0)
    return wire.Manifest(1, subject, "python", "1", True, claim, wire.Times("2026-01-01T00:00:00Z"), (artifact,))


def written(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_a_name_is_text_and_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "[bold]x[/bold] [link=https://attacker.invalid]y"
    await download._files(Store(), manifest(name), tmp_path)
    assert written(tmp_path) == [CONTENT]
    assert "[bold]" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil"])
async def test_a_name_that_leads_elsewhere_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leads out of"):
        await download._files(Store(), manifest(name), tmp_path / "job")
    assert not written(tmp_path)


async def test_other_bytes_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not have the digest"):
        await download._files(Store(), manifest("a.txt", "sha256:" + "0" * 64), tmp_path)
    assert not written(tmp_path)
