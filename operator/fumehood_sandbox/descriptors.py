"""What the program holds open, read from /proc.

The number of open files, and the files that no folder names any more but that
still take room on the disk. A thread may have a table of descriptors of its own,
and the first thread's is empty when it has ended, so every thread's is looked at.

Some files are out of sight: those of a process that cannot be looked into, those
on their way through a socket, and those that are mapped and no longer open. Of
these it can only be said that there may be some.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator, Sequence

_MOST_MAPS = 1 << 20  # bytes of a list of mappings; whoever has more hides something in it
_GONE = " (deleted)"
_EXITING = 0x4  # PF_EXITING


def tables(pid: int) -> list[str]:
    """The folders that list the descriptors of a process, one for each thread."""
    try:
        return [f"/proc/{pid}/task/{thread}/fd" for thread in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []  # it has ended


def count(pid: int) -> int:
    """How many descriptors a process has in one table."""
    return max(map(_count, tables(pid)), default=0)


def unnamed(table: str, devices: Container[int]) -> Iterator[os.stat_result | None]:
    """Yield what a table holds on `devices` and no folder names; None where something may be out of sight."""
    try:
        names = os.listdir(table)
    except PermissionError:
        if not _is_ending(table.removesuffix("fd") + "stat"):
            yield None
        return
    except OSError:
        return  # it has ended
    for name in names:
        try:
            found = os.stat(f"{table}/{name}")
            if stat.S_ISSOCK(found.st_mode) and _carries_files(f"{table}info/{name}"):
                yield None
            elif stat.S_ISREG(found.st_mode) and found.st_dev in devices and _is_unnamed(found, f"{table}/{name}"):
                yield found
        except OSError:
            continue  # closed meanwhile


def mapped(pid: int, roots: Sequence[str]) -> Iterator[tuple[str, int] | None]:
    """Yield root and inode of each mapped file that no folder names; None where there are too many to look at."""
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            text = file.read(_MOST_MAPS)
    except OSError:
        return  # it has ended, or cannot be looked into, which its tables say
    if len(text) == _MOST_MAPS:
        yield None
    gone = _GONE.encode()
    for line in text.splitlines() if gone in text else ():
        fields = line.split(maxsplit=5)  # addresses, rights, offset, device, inode, path
        if len(fields) == 6 and fields[5].endswith(gone):
            yield from ((root, int(fields[4])) for root in roots if fields[5].startswith(f"{root}/".encode()))


def _count(table: str) -> int:
    try:
        return os.stat(table).st_size or len(os.listdir(table))  # kernels before 6.2 give no size
    except OSError:
        return 0


def _is_ending(status: str) -> bool:
    """Whether a thread is on its way out. It has given up its memory, so that its table is nobody's, and lets go of all files."""
    try:
        with open(status, "rb") as file:
            fields = file.read(4096).rpartition(b")")[2].split()  # state, five numbers, flags
    except OSError:
        return True
    return fields[:1] in ([b"Z"], [b"X"]) or (len(fields) > 6 and bool(int(fields[6]) & _EXITING))


def _is_unnamed(found: os.stat_result, link: str) -> bool:
    # gVisor's link count stays at one.
    return found.st_nlink == 0 or os.readlink(link).endswith(_GONE)


def _carries_files(info: str) -> bool:
    """Whether descriptors wait in a unix socket's queue. Kernels since 5.10 tell their number."""
    with open(info, "rb") as file:
        _, _, number = file.read(4096).partition(b"scm_fds:")
    return number.split()[:1] not in ([], [b"0"])
