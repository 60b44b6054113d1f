"""The tool is a folder that runs on its own import path; these tests put it on theirs."""

from __future__ import annotations

import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[4] / "hack" / "images"
sys.path.insert(0, str(TOOL))
