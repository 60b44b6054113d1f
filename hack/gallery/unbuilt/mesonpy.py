"""Stands in for the build backend of a source distribution that is fetched to be read, not built.

pip asks a backend for a package's metadata before it keeps the archive, which for the
true one means a compiler and minutes. Every source distribution brings them along.
"""

from __future__ import annotations

import shutil
from email.parser import HeaderParser
from pathlib import Path
from typing import Any


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Nothing is built."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:
    """Copy what the archive says of itself; return the folder's name."""
    found = HeaderParser().parsestr(Path("PKG-INFO").read_text(encoding="utf-8"))
    name = f"{found['Name'].replace('-', '_')}-{found['Version']}.dist-info"
    folder = Path(metadata_directory, name)
    folder.mkdir()
    shutil.copyfile("PKG-INFO", folder / "METADATA")
    return name
