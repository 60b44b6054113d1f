"""An interpreter of classic BPF, to ask a compiled filter what it says of a call without making it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, NOTIFY, TRAP, KILL_PROCESS = 0x7FFF0000, 0x7FC00000, 0x00030000, 0x80000000
LOAD, LOAD_IMMEDIATE, AND, JUMP, RETURN = 0x20, 0x00, 0x54, 0x05, 0x06
JUMPS = {
    0x15: lambda a, k: a == k,
    0x25: lambda a, k: a > k,
    0x35: lambda a, k: a >= k,
    0x45: lambda a, k: bool(a & k),
}


def run(program: bytes, arch: int, number: int, arguments: Sequence[int] = ()) -> int:
    """What `program` returns for the call."""
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, arch, 0, *(argument & (2**64 - 1) for argument in padded))
    instructions = list(struct.iter_unpack("<HBBI", program))
    at = accumulator = 0
    while True:
        code, true, false, operand = instructions[at]
        at += 1
        if code == LOAD:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == LOAD_IMMEDIATE:
            accumulator = operand
        elif code == AND:
            accumulator &= operand
        elif code == JUMP:
            at += operand
        elif code == RETURN:
            return operand
        else:
            at += true if JUMPS[code](accumulator, operand) else false
