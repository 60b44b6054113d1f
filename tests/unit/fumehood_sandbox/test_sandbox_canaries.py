"""What the collector holds stays with it, however an attempt ends: permits, signed links, the store's name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from fumehood_sandbox import wire
from unit.fumehood_sandbox.pod import DEADLINES, Pod

HOST = "canary-host.example"
SIGNATURE, POLICY, LINK = "canary-0signature", "canary-1policy", "canary-2link"
CANARIES = (HOST, SIGNATURE, POLICY, LINK)

Change = Callable[[Pod], dict[str, Any]]


def link(pod: Pod, path: str) -> wire.Remote:
    return wire.Remote(f"http://127.0.0.1:{pod.store.port}{path}?X-Amz-Signature={LINK}", HOST)


def given(pod: Pod, path: str = "/in.csv", **file: Any) -> dict[str, Any]:
    pod.store.gets["/in.csv"] = b"1,2\n"
    return {"inputs": (wire.File("in.csv", remote=link(pod, path), **file),)}


def failing(*statuses: int) -> Change:
    def change(pod: Pod) -> dict[str, Any]:
        pod.store.faults = list(statuses)
        return {}

    return change


def down(pod: Pod) -> dict[str, Any]:
    pod.store.stop()
    return {"deadlines": dataclasses.replace(DEADLINES, harvest=1, sealing=1)}


ENDS: dict[str, tuple[str, Change]] = {
    "success": ("print(open('/inputs/in.csv').read())", given),
    "exit": ("raise SystemExit(3)", given),
    "signal": ("import os; os.abort()", given),
    "limit": ("print('x' * 100_000)", lambda pod: {"limits": {"output": 1000}}),
    "violation": ("import socket\ntry: socket.socket()\nexcept OSError: pass", given),
    "missing input": ("pass", lambda pod: given(pod, "/none")),
    "wrong digest": ("pass", lambda pod: given(pod, sha256="sha256:" + "0" * 64)),
    "refused input": ("pass", lambda pod: failing(403)(pod) | given(pod)),
    "refused artifact": ("open('/outputs/a', 'w').write('x')", failing(403)),
    "store down": ("pass", down),
}


@pytest.mark.parametrize("name", ENDS)
def test_no_end_of_an_attempt_tells_a_secret(name: str, pod: Pod) -> None:
    program, change = ENDS[name]
    pod.store.fields = {"policy": POLICY, "x-amz-signature": SIGNATURE}
    url = f"http://127.0.0.1:{pod.store.port}/bucket"
    permit = wire.Permit(url, HOST, pod.store.prefix, pod.store.fields)
    collector, runner = pod.start_collector(pod.order(program, permit=permit, **change(pod))), pod.start_runner()
    said = collector.wait()[1] + runner.wait()[1]
    left = [said.encode(), (pod.base / "termination").read_bytes(), *pod.store.objects.values()]
    left += [path.read_bytes() for path in (pod.base / "outputs").rglob("*") if path.is_file()]
    for canary in CANARIES:
        assert not any(canary.encode() in found for found in left), canary
    assert pod.seal().uid == "uid-1", "an attempt that tells nothing proves nothing"
