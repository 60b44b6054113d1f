"""Secrets planted wherever the operator holds one, through every end of a job: none comes out."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from prometheus_client import generate_latest
from pydantic import ValidationError

from fumehood import logs
from fumehood.core.sanitise import MARK
from fumehood.errors import AlreadyExists, Conflict, Forbidden, FumehoodError, Invalid, NotFound, Unavailable
from fumehood.settings import Settings
from fumehood.workqueue import Key, WorkQueue
from fumehood_sandbox import wire
from unit.fumehood.builders import PAYLOAD, claim, log, manifest
from unit.fumehood.fakes import nth_write
from unit.fumehood.world import KEY, PODS, World, cancelled_manifest

HOST = "canary-host.example"
SECRET_KEY = "canary/secret+key"  # as keys of stores look: nothing tells it from a word
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJjYW5hcnkiOiJ0b2tlbiJ9.Y2FuYXJ5LXNpZ25hdHVyZQ"
POLICY = "Y2FuYXJ5LXBvbGljeQ"
SIGNATURE = "canary0123signature"
LINK = "canary4567link"
CANARIES = (HOST, SECRET_KEY, TOKEN, POLICY, SIGNATURE, LINK)
STORE = {"endpoint": f"https://{HOST}:9000", "bucket": "fumehood", "access_key": "access", "secret_key": SECRET_KEY}
# What an exception of a library may hold: an address, a header, a signed link, a key.
TALE = (
    f"https://{HOST}:9000/fumehood?X-Amz-Signature={LINK} refused key {SECRET_KEY}; "
    f"Authorization: Bearer {TOKEN}; x-amz-signature={SIGNATURE} in /opt/fumehood/lib/x.py"
)
INPUT = {"inputs": [{"name": "x.csv", "s3": {"uri": "s3://fumehood/x.csv"}}]}

Json = dict[str, Any]
Life = Callable[[World], Awaitable[None]]


class Watch(logging.Handler):
    """Keeps log records as the operator writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logs.SafeFormatter(Settings(store=STORE, pods={"sandbox_image": PAYLOAD}).private))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logged() -> Iterator[list[str]]:
    watch, root = Watch(), logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(watch)
    yield watch.lines
    root.removeHandler(watch)
    root.setLevel(before)


def sealed(**fields: Any) -> Life:
    async def live(world: World) -> None:
        await world.runs_well(manifest(**fields))

    return live


async def seals_nothing(world: World) -> None:
    await world.collector_seals(store=False)


async def seals_a_lie(world: World) -> None:
    world.store.objects.clear()
    await world.collector_seals(manifest(claim=claim(detail=TALE)), digest="sha256:" + "0" * 64)


async def says_why_not(world: World) -> None:
    await world.collector_seals(store=False, digest=None, fault=wire.Fault.STORE_REFUSED, detail=TALE[:500])


async def is_cancelled(world: World) -> None:
    await world.pod_runs()
    await world.cancel()
    await world.collector_seals(cancelled_manifest())


async def is_evicted(world: World) -> None:
    await world.pod_ends("Failed", reason="Evicted", message=TALE)


async def is_refused_by_the_node(world: World) -> None:
    await world.pod_ends("Failed", reason="Refused", message=TALE)


async def is_unschedulable(world: World) -> None:
    await world.pod_ends("Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": TALE}])
    world.clock.pass_(1000)
    await world.operator.look_again()


async def vanishes(world: World) -> None:
    await world.pod_vanishes()


def store_fails(error: FumehoodError) -> Life:
    async def live(world: World) -> None:
        world.store.down = error
        await world.collector_seals()

    return live


LIVES: dict[str, Life] = {
    "success": sealed(),
    "exit": sealed(claim=claim(exit_code=1), stderr=log(TALE)),
    "signal": sealed(claim=claim(ending=wire.Ending.SIGNALLED, exit_code=None, signal=11), stderr=log(TALE)),
    "fault": sealed(claim=claim(ending=wire.Ending.NOT_STARTED, fault=wire.Fault.COMMAND_NOT_FOUND, detail=TALE)),
    "staging": sealed(
        claim=claim(ending=wire.Ending.NOT_STARTED, fault=wire.Fault.INPUT_MISSING, detail=TALE), times=wire.Times("2026-11-01T12:00:00Z")
    ),
    "violation": sealed(claim=claim(violations={"socket": 3}, detail=TALE)),
    "breach": sealed(claim=claim(breach=wire.Breach(wire.Limit.DISK, 1, 2), detail=TALE)),
    "escape": sealed(rejected=(wire.Rejected("link", wire.Rejection.SYMLINK, escape=True),), rejections=1),
    "runner lost": sealed(claim=claim(ending=wire.Ending.RUNNER_LOST, exit_code=None, detail=TALE)),
    "no manifest": seals_nothing,
    "wrong digest": seals_a_lie,
    "collector's fault": says_why_not,
    "cancelled": is_cancelled,
    "evicted": is_evicted,
    "refused by the node": is_refused_by_the_node,
    "unschedulable": is_unschedulable,
    "vanished": vanishes,
    **{f"store: {kind.__name__}": store_fails(kind(TALE)) for kind in (Unavailable, NotFound, Invalid)},
}


def planted() -> World:
    """Return a world whose store, orders and exceptions are full of canaries."""
    world = World(store=STORE)
    world.store.permit = lambda prefix, max_object, lifetime: wire.Permit(  # type: ignore[method-assign]
        url=f"https://{HOST}:9000/fumehood", host=HOST, prefix=prefix, fields={"policy": POLICY, "x-amz-signature": SIGNATURE}
    )
    world.store.link = lambda uri, lifetime: wire.Remote(  # type: ignore[method-assign]
        url=f"https://{HOST}:9000/x?X-Amz-Signature={LINK}", host=HOST
    )
    return world


async def whole(world: World, live: Life) -> list[Json]:
    """Live a job's life; return every object as it ever was."""
    seen: list[Json] = []
    world.cluster.listeners.append(lambda event: seen.append(event["object"]))
    await world.submit(**INPUT)
    await live(world)
    await world.operator.look_again()
    return seen


def check(world: World, seen: list[Json], logged: list[str]) -> None:
    """Assert that canaries are in the order, which the collector alone can read, and nowhere else."""
    orders = [item for item in seen if item["kind"] == "Secret"]
    for order in orders:
        text = base64.b64decode(order["data"]["order.json"]).decode()
        assert all(canary in text for canary in (POLICY, SIGNATURE, LINK, HOST)), "nothing is planted"
    for item in seen:
        if item["kind"] != "Secret":
            # What the kubelet reports of a Pod is its word, not ours.
            absent({key: value for key, value in item.items() if (item["kind"], key) != ("Pod", "status")}, item["kind"])
    absent(logged, "logs")
    absent([str(error) for error in world.operator.errors if not isinstance(error, FumehoodError)], "errors")
    absent(generate_latest(world.operator.reconciler._metrics.registry).decode(), "metrics")


def absent(found: Any, where: str) -> None:
    text = json.dumps(found, ensure_ascii=False)
    for canary in CANARIES:
        assert canary not in text, where


@pytest.mark.parametrize("name", LIVES)
async def test_no_end_of_a_job_tells_a_secret(name: str, logged: list[str]) -> None:
    world = planted()
    check(world, await whole(world, LIVES[name]), logged)
    assert world.status["phase"] in ("Succeeded", "Failed", "Cancelled") or name == "store: Unavailable"


@pytest.mark.parametrize("kind", [Forbidden, Invalid, Unavailable, Conflict, AlreadyExists, NotFound], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("number", range(1, 6))
async def test_no_refusal_of_the_api_server_tells_a_secret(kind: type[FumehoodError], number: int, logged: list[str]) -> None:
    world = planted()
    world.cluster.fault = nth_write(number, after=False, error=lambda: kind(TALE))
    check(world, await whole(world, sealed()), logged)


async def test_a_pod_that_is_refused_says_why_without_secrets(logged: list[str]) -> None:
    world = planted()
    world.cluster.fault = lambda method, path, done: Forbidden(f"denied the request: {TALE}") if path.startswith(PODS) else None
    check(world, await whole(world, vanishes), logged)
    assert world.reason == "PodRefused"
    assert "denied the request" in world.status["failure"]["message"]
    assert MARK in world.status["failure"]["message"]


async def test_an_exception_of_a_library_is_logged_without_secrets(logged: list[str]) -> None:
    """What nobody foresaw: the queue logs it and goes on."""

    async def fail(key: Key) -> float | None:
        stop.set()
        raise RuntimeError(f"first line\n{TALE}")

    stop = asyncio.Event()
    queue = WorkQueue(fail, 1)
    queue.add(KEY)
    running = asyncio.create_task(queue.run())
    await stop.wait()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    try:
        raise RuntimeError(TALE)
    except RuntimeError:
        logging.getLogger("somebody.else").exception("it failed: %s", TALE)
    first, second = [line for line in logged if "asyncio" not in line]
    assert "RuntimeError: first line" in first and "\n" not in first
    assert "Traceback" in second
    absent(logged, "logs")


def test_a_crash_is_told_without_secrets() -> None:
    """The process itself, so that nothing but what it prints can tell."""
    fault = f"import fumehood.serve as s\nasync def serve(settings): raise RuntimeError({TALE!r})\ns.serve = serve\n"
    code = f"{fault}from fumehood.cli import app\napp(['operator'])"
    settings = {f"FUMEHOOD_STORE__{name.upper()}": value for name, value in STORE.items()} | {"FUMEHOOD_PODS__SANDBOX_IMAGE": PAYLOAD}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the operator ends" in done.stderr and "RuntimeError" in done.stderr
    absent(done.stdout + done.stderr, "output")


def test_settings_show_no_secret() -> None:
    options = World(store=STORE).settings
    assert SECRET_KEY not in repr(options) + str(options) + options.model_dump_json()
    assert set(options.private) == {SECRET_KEY, HOST}
    with pytest.raises(ValidationError) as refused:
        World(store=STORE | {"endpoint": f"https://user:{SECRET_KEY}@{HOST}"})
    assert SECRET_KEY not in str([fault["msg"] for fault in refused.value.errors()])
