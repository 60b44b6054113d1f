"""Puts the source and the inputs where the program will find them.

The folders are the collector's to write and the program's to read, and nothing
hostile runs yet; names are checked all the same, and every file is created new
below an open folder, so that no name leads elsewhere. Files and folders bear one
date, so that an archive that a program makes of them has the same bytes each time.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence

from .border.bounds import MAX_NAME
from .border.claim import Fault
from .border.limits import Breach, Limit
from .border.manifest import Staged
from .border.order import File
from .border.places import EPOCH
from .faults import StoreError, TooMuch, retry
from .files import write

_MAX_PATH = 1024
_BLOCK = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class StagingError(Exception):
    """An input cannot be given to the program; the detail names it, the breach says how much too large it is."""

    def __init__(self, fault: Fault, detail: str, breach: Breach | None = None) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.breach = breach


def stage(
    files: Sequence[File], root: str, most: int, authorities: Mapping[bool, str | None], deadline: float, stop: Callable[[], bool]
) -> tuple[Staged, ...]:
    """Create `files` below `root` and return them as they arrived.

    What is fetched may have `most` bytes, all of it together; what came with the order is small. `authorities` (PEM)
    certify the store (False) and web servers (True).

    Raises:
        StagingError: a file is missing, wrong, too large, or cannot be had by `deadline`.
    """
    staged: list[Staged] = []
    fetched = 0
    folder = os.open(root, _FOLDER)
    try:
        for file in files:
            if stop():
                raise StagingError(Fault.INTERNAL, "told to stop while staging")
            try:
                one = _stage_one(file, folder, most - fetched, authorities, deadline, stop)
            except TooMuch as error:
                raise StagingError(error.fault, file.name, Breach(Limit.DISK, most, fetched + error.measured)) from None
            fetched += _blocks(one.size) if file.remote else 0
            staged.append(one)
        _date_folders(files, folder)
    finally:
        os.close(folder)
    return tuple(staged)


def _stage_one(
    file: File, root: int, room: int, authorities: Mapping[bool, str | None], deadline: float, stop: Callable[[], bool]
) -> Staged:
    descriptor = _create(file.name, root)
    try:
        digest = _fill(descriptor, file, room, authorities, deadline, stop)
        if file.sha256 and digest != file.sha256.removeprefix("sha256:").lower():
            raise StagingError(Fault.INPUT_DIGEST, f"{file.name}: has another digest, sha256:{digest}")
        os.fchmod(descriptor, 0o444)
        os.utime(descriptor, (EPOCH, EPOCH))
        return Staged(file.name, f"sha256:{digest}", os.fstat(descriptor).st_size)
    except TooMuch:
        raise
    except StoreError as error:
        raise StagingError(error.fault, f"{file.name}: {error.detail}") from None
    finally:
        os.close(descriptor)


def _date_folders(files: Sequence[File], root: int) -> None:
    """Date the folders that were made, when nothing is put into them any more; the root is another's."""
    made = {file.name[:at] for file in files for at, char in enumerate(file.name) if char == "/"}
    for folder in sorted(made):
        os.utime(folder, (EPOCH, EPOCH), dir_fd=root, follow_symlinks=False)


def _blocks(size: int) -> int:
    """The room that a file takes on a disk."""
    return -(-size // _BLOCK) * _BLOCK


def _create(name: str, root: int) -> int:
    *folders, last = _parts(name)
    at = os.dup(root)
    try:
        for folder in folders:
            at = _descend(folder, at)
        return os.open(last, _NEW, 0o600, dir_fd=at)
    except FileExistsError:
        raise StagingError(Fault.INTERNAL, f"{name}: given twice") from None
    finally:
        os.close(at)


def _descend(folder: str, at: int) -> int:
    try:
        os.mkdir(folder, dir_fd=at)
        inner = os.open(folder, _FOLDER, dir_fd=at)
        os.fchmod(inner, 0o755)  # whatever the umask: another user reads it  # nosec B103
    except FileExistsError:
        inner = os.open(folder, _FOLDER, dir_fd=at)
    os.close(at)
    return inner


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    long = len(name.encode()) > _MAX_PATH or any(len(part.encode()) > MAX_NAME for part in parts)
    if long or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise StagingError(Fault.INTERNAL, "a file name is not a relative path")
    return parts


def _fill(descriptor: int, file: File, room: int, authorities: Mapping[bool, str | None], deadline: float, stop: Callable[[], bool]) -> str:
    """Write the contents; return the sha256 in hex."""
    if file.remote is not None:
        from .fetch import fetch  # here: it loads an HTTP client, which most jobs do not need yet

        remote = file.remote
        return retry(lambda: fetch(descriptor, remote, authorities[remote.web], room, deadline), deadline, stop)
    content = base64.b64decode(file.base64) if file.base64 is not None else (file.text or "").encode()
    write(descriptor, content)
    return hashlib.sha256(content).hexdigest()
