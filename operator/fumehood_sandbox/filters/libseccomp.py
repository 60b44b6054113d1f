"""The few functions of libseccomp that compiling takes, by ctypes.

Debian's package manager needs the library, so it is there wherever an image is
built. What it writes is for any machine, whatever this one is.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterable

from .conditions import Alternative

ALLOW = 0x7FFF0000
NOTIFY = 0x7FC00000
TRAP = 0x00030000
KILL_PROCESS = 0x80000000

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_BAD_ARCHITECTURE, _OPTIMIZE = 2, 8  # attributes
_BINARY_TREE = 2
_MASKED_EQUAL = 7
_API = 5  # notifications; else the library asks the running kernel what it may compile
_UNKNOWN = -1

Entry = tuple[str, int, Alternative]  # call, action, condition


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


class UnknownCall(Exception):
    """A system call that this version of the library does not know."""


def errno(code: int) -> int:
    """The action that lets a call fail with this error."""
    return 0x00050000 | code


def number(call: str, machine: str) -> int | None:
    """The number of a system call, or None where the machine has no such call.

    Raises:
        UnknownCall: the library does not know it.
    """
    found = _library().seccomp_syscall_resolve_name_arch(_ARCHITECTURES[machine], call.encode())
    if found == _UNKNOWN:
        raise UnknownCall(call)
    return found if found >= 0 else None


def compile_filter(entries: Iterable[Entry], machine: str) -> bytes:
    """Return the program that refuses as `entries` say, allows the rest, and ends a process of another architecture.

    Raises:
        OSError: the library refused.
    """
    library = _library()
    context = ctypes.c_void_p(library.seccomp_init(ALLOW))
    try:
        _choose(context, _ARCHITECTURES[machine])
        _check(library.seccomp_attr_set(context, _BAD_ARCHITECTURE, KILL_PROCESS))
        _check(library.seccomp_attr_set(context, _OPTIMIZE, _BINARY_TREE))
        for call, action, condition in entries:
            _add(context, call, action, condition)
        return _export(context)
    finally:
        library.seccomp_release(context)


def _choose(context: ctypes.c_void_p, architecture: int) -> None:
    native = _library().seccomp_arch_native()
    if architecture != native:
        _check(_library().seccomp_arch_add(context, architecture))
        _check(_library().seccomp_arch_remove(context, native))


def _add(context: ctypes.c_void_p, call: str, action: int, condition: Alternative) -> None:
    # The library wants this machine's number and translates it itself.
    native = _library().seccomp_syscall_resolve_name(call.encode())
    comparisons = (_Comparison * len(condition))(*(_Comparison(index, _MASKED_EQUAL, mask, value) for index, mask, value in condition))
    _check(_library().seccomp_rule_add_array(context, action, native, len(condition), comparisons))


def _export(context: ctypes.c_void_p) -> bytes:
    with os.fdopen(os.memfd_create("filter"), "rb") as file:
        _check(_library().seccomp_export_bpf(context, file.fileno()))
        file.seek(0)
        return file.read()


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_arch_native.restype = ctypes.c_uint32
    library.seccomp_arch_add.argtypes = library.seccomp_arch_remove.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    library.seccomp_attr_set.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32)
    library.seccomp_syscall_resolve_name_arch.argtypes = (ctypes.c_uint32, ctypes.c_char_p)
    library.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Comparison)
    )  # fmt: skip
    _check(library.seccomp_api_set(_API))
    return library
