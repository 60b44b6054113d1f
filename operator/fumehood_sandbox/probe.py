"""What of the network can be reached from here: one program, run in a Pod and, as its control, beside the operator.

A target that the probe does not reach proves something only if the control, which is
the same program with the same patience, does reach it.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections.abc import Sequence

from .border import VERSION
from .border.bounds import MAX_ERRAND, MAX_SIGHTING
from .border.errand import Errand, Protocol, Sighting, Target
from .codec import DecodeError, decode, encode

PAUSE = 0.2  # between two rounds
# "What addresses has kubernetes.default?", as a query of DNS; any answer to it will do.
QUERY = b"\x46\x48\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x0akubernetes\x07default\x00\x00\x01\x00\x01"


def run(errand: Errand) -> Sighting:
    """Go round by round, and return what the last one reached."""
    began = time.monotonic()
    rounds = 0
    while True:
        reached = look(errand.targets, errand.timeout)
        rounds += 1
        spent = time.monotonic() - began
        if spent >= errand.patience or all(target.open in (None, target.name in reached) for target in errand.targets):
            return Sighting(VERSION, reached, rounds, round(spent, 3))
        time.sleep(PAUSE)


def look(targets: Sequence[Target], timeout: float) -> tuple[str, ...]:
    """Return the names of the targets that answer within `timeout` seconds; all are asked at once."""
    end = time.monotonic() + timeout
    reached: list[str] = []
    with selectors.DefaultSelector() as waiting:
        for target in targets:
            knock(target, waiting)
        while waiting.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                target, opened = key.data, key.fileobj
                waiting.unregister(opened)
                if _answers(target, opened):  # type: ignore[arg-type]  # only sockets are registered
                    reached.append(target.name)
                opened.close()  # type: ignore[union-attr]
        for key in list(waiting.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return tuple(target.name for target in targets if target.name in reached)


def knock(target: Target, waiting: selectors.BaseSelector) -> None:
    """Begin to ask; what cannot even be begun (no route, no address) is not registered, and so not reached."""
    tcp = target.protocol is Protocol.TCP
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    try:
        socket.inet_pton(family, target.address)  # a name is no address, and is not looked up
        opened = socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    except OSError:
        return
    try:
        opened.setblocking(False)
        try:
            opened.connect((target.address, target.port))
        except BlockingIOError:
            pass  # under way
        if not tcp:
            opened.send(QUERY)
        waiting.register(opened, selectors.EVENT_WRITE if tcp else selectors.EVENT_READ, target)
    except OSError:
        opened.close()


def _answers(target: Target, opened: socket.socket) -> bool:
    try:
        if target.protocol is Protocol.TCP:
            return opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        return opened.recv(512)[:2] == QUERY[:2]
    except OSError:
        return False


def main(arguments: Sequence[str]) -> int:
    """Do the errand of the first argument; write what was seen to the file of the second, else to stdout."""
    try:
        errand = decode(Errand, arguments[0].encode(), max_bytes=MAX_ERRAND)
    except (IndexError, DecodeError) as error:
        print(f"fumehood probe: {type(error).__name__}", file=sys.stderr)
        return 2
    said = encode(run(errand))[:MAX_SIGHTING]
    with open(arguments[1] if len(arguments) > 1 else "/dev/stdout", "wb", buffering=0) as sink:
        sink.write(said)
    return 0
