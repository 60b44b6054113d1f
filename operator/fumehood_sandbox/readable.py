"""Lets the collector, another user, read what the program left behind.

Files of mode 0600 are results like others. Done by the runner, which owns them,
after the last process is gone: nobody can swap a name any more. Links are never
followed; other users' files refuse, and are reported as unreadable.
"""

from __future__ import annotations

import os
import stat
import time

_ENTRIES = 400_000  # in one folder, and folders: more than the files that a job may be granted
_DEPTH = 40
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE, _FOLDER = 0o444, 0o555


def make_readable(root: str, timeout: float) -> None:
    """Add read permission (and search, for folders) to our files below `root`, for at most `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pending = [(root, _open_up(root, _ENTRIES))]  # a folder, and its subfolders that are still to be opened up
    left = _ENTRIES
    while pending and left > 0 and time.monotonic() < deadline:
        path, names = pending[-1]
        if not names or len(pending) > _DEPTH:
            pending.pop()
            continue
        # Paths below a root without other writers; their length is bounded by _DEPTH.
        inner = os.path.join(path, names.pop())
        pending.append((inner, _open_up(inner, left)))
        left -= 1


def _open_up(path: str, left: int) -> list[str]:
    """Make the entries of one folder readable and return its subfolders."""
    folders: list[str] = []
    try:
        folder = os.open(path, _OPEN)
    except OSError:
        return folders
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= left:
                    break
                if _permit(entry, folder):
                    folders.append(entry.name)
    finally:
        os.close(folder)
    return folders


def _permit(entry: os.DirEntry[str], folder: int) -> bool:
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
        wanted = _FOLDER if stat.S_ISDIR(mode) else _FILE
        if (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) and mode & wanted != wanted:
            os.chmod(entry.name, stat.S_IMODE(mode) | wanted, dir_fd=folder)
        return stat.S_ISDIR(mode)
    except OSError:
        return False
