"""Generated files are what the generator makes today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_files_on_disk_are_the_generators_output() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "hack" / "generate.py")
    assert spec and spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    files: dict[Path, str] = generate.files()
    assert {path.name for path in files} >= {"analysisjobs.yaml", "analysisenvironments.yaml"}
    stale = [str(path.relative_to(ROOT)) for path, text in files.items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run `make generate`"
