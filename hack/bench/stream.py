"""What large objects cost the collector: its own code in a process of its own, which reports its time and its memory.

The order comes on stdin; the arguments are the folder to stage inputs into, and that of the outputs.
"""

from __future__ import annotations

import json
import sys
import time

from fumehood_sandbox import harvest, staging, wire
from fumehood_sandbox.upload import Store


def _peak() -> int:
    """Return the most memory that this program ever had, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
    return int(kilobytes) << 10


def main(inputs: str, outputs: str) -> None:
    """Stage and harvest as an order says; print what it took."""
    order = wire.decode(wire.Order, sys.stdin.buffer.read(), max_bytes=wire.MAX_ORDER)
    began = time.monotonic()
    authorities = {False: order.permit.ca, True: order.web_ca}
    staged = staging.stage(order.inputs, inputs, order.limits.disk, authorities, began + order.deadlines.staging, lambda: False)
    then = time.monotonic()
    store = Store(order.permit, then + order.deadlines.harvest)
    found = harvest.gather(outputs, order.outputs, order.ignored, order.limits, store, order.deadlines.harvest)
    report = {
        "staged": {file.name: file.size for file in staged},
        "stored": {artifact.digest: artifact.size for artifact in found.artifacts},
        "rejected": {entry.name: entry.reason for entry in found.tree.rejected},
        "staging": round(then - began, 3),
        "harvest": round(time.monotonic() - then, 3),
        "peak": _peak(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
