"""The filter that closes system calls to the hostile program: rules in, kernel code out.

A small assembler for classic BPF. A foreign architecture ends the process; x32
numbers do not exist; a rule that applies is refused; the rest is allowed (the
Pod's own RuntimeDefault profile stands in front of it). Refusals that are to be
counted ask the runner through a listener; where the kernel has none, the same
rules answer with the error alone.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

from . import kernel
from .rules import NUMBERS, Rule, Test, When

# Column of rules.NUMBERS, and AUDIT_ARCH of <linux/audit.h>.
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
NOTIFY = 0x7FC00000
_ERRNO = 0x00050000
_NEW_LISTENER = 1 << 3
_NO_LISTENER = (errno.EINVAL, errno.EBUSY, errno.ENOSYS)

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def assemble(rules: Sequence[Rule], machine: str, *, listener: bool) -> bytes:
    """Return the packed program for `rules`; counted rules go to a listener if there is one.

    Raises:
        KeyError: the machine is unknown.
    """
    column, arch = MACHINES[machine]
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, KILL_PROCESS),
    ]
    if machine == "x86_64":
        program += [(_LOAD, 0, 0, _NUMBER), (_JUMP_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for rule in rules:
        number = NUMBERS[rule.call][column]
        if number is not None:
            program += _rule(rule, number, NOTIFY if listener and rule.counted else _ERRNO | rule.errno)
    program.append((_RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("@HBBI", *instruction) for instruction in program)


def load(counting: bytes, plain: bytes) -> int | None:
    """Load the counting program and return its listener; where that is refused, the plain one and None.

    no_new_privs must be set. Raises:
        OSError: no filter can be loaded.
    """
    try:
        return kernel.seccomp_load(counting, _NEW_LISTENER)
    except OSError as error:
        if error.errno not in _NO_LISTENER:
            raise
    kernel.seccomp_load(plain, 0)
    return None


def _rule(rule: Rule, number: int, action: int) -> list[Instruction]:
    body = [*_condition(rule.when), (_RETURN, 0, 0, action)]
    return [(_LOAD, 0, 0, _NUMBER), (_JUMP_EQUAL, 0, len(body), number), *body]


def _condition(when: When | None) -> list[Instruction]:
    """Fall through to the next instruction if `when` holds, else jump over it."""
    if when is None:
        return []
    code = _JUMP_BITS if when.test is Test.ANY_BIT else _JUMP_EQUAL
    tests: list[Instruction] = []
    for left, value in zip(range(len(when.values) - 1, -1, -1), when.values, strict=True):
        skip = 0 if left else 1
        if when.test is Test.NOT_IN:
            tests.append((code, left + 1, 0, value & 0xFFFFFFFF))
        else:
            tests.append((code, left, skip, value & 0xFFFFFFFF))
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * when.index), *tests]
