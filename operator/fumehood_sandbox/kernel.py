"""The few kernel calls that the standard library does not have.

One door for ctypes: everything else that runs in a sandbox sees integers,
bytes and OSError.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct

PR_SET_DUMPABLE = 4
PR_GET_SECCOMP = 21
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CLONE = {"x86_64": 56, "aarch64": 220}
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_GET_NOTIF_SIZES = 3
_SYSLOG_READ_ALL = 3
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # on every machine
_LANDLOCK_VERSION = 1 << 0
_LANDLOCK_PATH = 1
_SIGNALFD_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK
_SIGSET_BYTES = 128  # what libc's sigset_t takes; the kernel reads the first 8

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def machine() -> str:
    """The name of the instruction set, as the kernel gives it."""
    return os.uname().machine


def prctl(option: int, value: int = 0) -> int:
    """prctl(2) with one argument.

    Raises:
        OSError: the kernel refused.
    """
    zero = ctypes.c_ulong(0)
    return _checked(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def seccomp_load(program: bytes, flags: int) -> int:
    """Load a filter of packed `struct sock_filter`; the listener's descriptor if `flags` asks for one."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    return _seccomp(_SECCOMP_SET_MODE_FILTER, flags, ctypes.create_string_buffer(header, len(header)))


def seccomp_supported() -> bool:
    """Whether a filter could be loaded: a null pointer is refused as a bad address only if all else is well."""
    try:
        _seccomp(_SECCOMP_SET_MODE_FILTER, 0, None)
    except OSError as error:
        return error.errno == 14  # EFAULT
    return False


def seccomp_sizes() -> tuple[int, int]:
    """Sizes in bytes of the kernel's notification and of its response."""
    sizes = ctypes.create_string_buffer(6)
    _seccomp(_SECCOMP_GET_NOTIF_SIZES, 0, sizes)
    notification, response, _ = struct.unpack("@HHH", sizes.raw)
    return notification, response


def landlock_abi() -> int:
    """The version of Landlock that the kernel has; 0 where there is none, or it is switched off."""
    try:
        return _syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    except OSError:
        return 0


def landlock_create(files: int, network: int, scope: int) -> int:
    """The descriptor of a ruleset that denies these accesses; a kernel takes unknown fields that are 0."""
    attributes = struct.pack("@QQQ", files, network, scope)
    return _syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)


def landlock_allow(ruleset: int, path: int, access: int) -> None:
    """Allow `access` to the file, or below the folder, of descriptor `path`."""
    _syscall(_LANDLOCK_ADD, ruleset, _LANDLOCK_PATH, struct.pack("=Qi", access, path), 0)


def landlock_restrict(ruleset: int, flags: int) -> None:
    """Put this process under a ruleset, for good. no_new_privs must be set."""
    _syscall(_LANDLOCK_RESTRICT, ruleset, flags)


def signalfd(signals: set[signal.Signals]) -> int:
    """A descriptor from which blocked signals are read as `struct signalfd_siginfo` (128 bytes)."""
    mask = sum(1 << (number - 1) for number in signals)
    buffer = ctypes.create_string_buffer(struct.pack("@Q", mask), _SIGSET_BYTES)
    return _checked(_libc.signalfd(-1, buffer, _SIGNALFD_FLAGS))


def hold_task() -> None:
    """Make a child that has ended and stays in the process table: one without an exit signal is in no ordinary wait.

    Raises:
        OSError: the kernel has no room for it.
    """
    zero = ctypes.c_ulong(0)
    if _checked(_libc.syscall(ctypes.c_long(_CLONE[machine()]), zero, zero, zero, zero, zero)) == 0:
        os._exit(0)


def kernel_log() -> bytes:
    """The start of the kernel's log, or nothing where it is not for us (which is usual)."""
    buffer = ctypes.create_string_buffer(1 << 16)
    length = _libc.klogctl(_SYSLOG_READ_ALL, buffer, len(buffer))
    return buffer.raw[: max(length, 0)]


def _seccomp(operation: int, flags: int, argument: object) -> int:
    number = _SECCOMP.get(machine())
    if number is None:
        raise OSError(38, "no system call numbers for this machine")  # ENOSYS
    return _syscall(number, operation, flags, argument)


def _syscall(number: int, *arguments: object) -> int:
    whole = (ctypes.c_ulong(argument) if isinstance(argument, int) else argument for argument in arguments)
    return _checked(_libc.syscall(ctypes.c_long(number), *whole))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
