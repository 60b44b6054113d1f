"""What the program holds open, read from /proc.

The number of open files of each process, and the files that no folder names any
more but that still take room on the disk. A process that may not be looked into,
or that ends meanwhile, counts as one that holds nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator


def count(pid: int) -> int:
    """How many descriptors a process has."""
    folder = f"/proc/{pid}/fd"
    try:
        return os.stat(folder).st_size or len(os.listdir(folder))  # kernels before 6.2 give no size
    except OSError:
        return 0


def unnamed(pid: int, devices: Container[int]) -> Iterator[os.stat_result]:
    """Yield what a process holds open on `devices` and no folder names."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            found = os.stat(f"{folder}/{name}")
            # gVisor's link count stays at one.
            gone = found.st_nlink == 0 or os.readlink(f"{folder}/{name}").endswith(" (deleted)")
        except OSError:
            continue
        if gone and found.st_dev in devices and stat.S_ISREG(found.st_mode):
            yield found
