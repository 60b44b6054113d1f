"""The forms of names and numbers that resources, settings and the command line share, as regular expressions.

Each is for a whole text, and is written so that Python, Rust and Go read it alike.
"""

from __future__ import annotations

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
RESOURCE_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
QUANTITY = r"[0-9]{1,15}(\.[0-9]{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?"
