"""What a party reads at most of another's document."""

from __future__ import annotations

MAX_ORDER = 1_000_000  # a Secret holds 1 MiB
MAX_FRAME = 1 << 20
MAX_SEAL = 4096
MAX_ERRAND = 16 << 10
MAX_SIGHTING = 4096  # a termination message holds no more
MAX_MANIFEST = 16 << 20
MAX_TREE = 400_000  # entries of /outputs: more than the files that a job may be granted
MAX_NAME = 255
MAX_TAIL = 4096
MAX_PREVIEW = 1 << 20
MAX_OBJECT = 5 << 30  # what S3 takes in one piece
MAX_REJECTIONS = 100
