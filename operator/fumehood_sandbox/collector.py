"""The trusted sidecar: stages inputs, hears how it went, seals what is there.

It alone holds the order and the right to store objects. `run` is the whole of
it, one step after the other; whatever happens, the last two are a sealed
manifest and a termination message that says which one, or why there is none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import conversation
from .border import VERSION
from .border.bounds import MAX_ORDER, MAX_SEAL
from .border.claim import Claim, Ending, Fault
from .border.hello import Hello, Sandbox
from .border.manifest import Manifest, Staged, Times
from .border.order import Order
from .border.places import MANIFEST_NAME
from .border.seal import Seal
from .border.task import Task
from .clock import now
from .codec import DecodeError, decode, encode
from .frames import Channel, Kind
from .layout import Layout, from_arguments
from .logs import Logs

if TYPE_CHECKING:
    from .upload import Store

_REFUSED_WAIT = 5.0  # how long a runner is awaited that will get no task
_MAX_DETAIL = 512


class _Stopped:
    """Whether the Pod was told to stop. Noted, not obeyed: the harvest is still to be done."""

    def __init__(self) -> None:
        self._noted = False
        signal.signal(signal.SIGTERM, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # what came earlier waited: see `__main__`

    def __call__(self) -> bool:
        return self._noted

    def _note(self, *_: object) -> None:
        self._noted = True


@dataclasses.dataclass
class _Course:
    """What is known of the attempt so far."""

    logs: Logs
    began: str
    claim: Claim
    sandbox: Sandbox | None = None
    source: tuple[Staged, ...] = ()
    inputs: tuple[Staged, ...] = ()
    staged: str | None = None
    ended: str | None = None
    channel: Channel | None = None


def run(layout: Layout) -> int:
    """Do one attempt; return the exit code."""
    stopped = _Stopped()
    order = _read_order(layout)
    course = _Course(Logs(order.limits.output), now(), Claim(Ending.NOT_STARTED))
    try:
        _attempt(order, layout, course, stopped)
        course.ended = now()
        seal = _seal(order, layout, course)
    except Exception as error:
        seal = _no_manifest(order, Fault.INTERNAL, type(error).__name__)
    _write_seal(layout, seal)
    if course.channel:
        conversation.dismiss(course.channel)
    return 0 if seal.digest else 1


def _attempt(order: Order, layout: Layout, course: _Course, stopped: _Stopped) -> None:
    """Listen, stage, meet the runner, and follow the program to its end."""
    began = time.monotonic()
    listener = conversation.listen(layout.port)  # first: the runner's call waits in the queue while inputs arrive
    refusal = _stage(order, layout, course, stopped)
    course.staged = None if refusal else now()
    wait = _REFUSED_WAIT if refusal else order.deadlines.hello
    try:
        course.channel, hello = conversation.meet(listener, max(began + wait, time.monotonic() + 1.0))
    except conversation.Absent as error:
        course.claim = refusal or _not_started(Fault.RUNNER_ABSENT, str(error))
        return
    course.sandbox = hello.sandbox
    refusal = refusal or _unfit(hello, stopped)
    if refusal:
        course.claim = refusal
    else:
        conversation.give(course.channel, Task(order.command, order.limits, order.egress, order.record_violations, order.preview))
        _load()
        course.claim = conversation.follow(course.channel, order.limits.wall_clock, course.logs)


def _stage(order: Order, layout: Layout, course: _Course, stopped: _Stopped) -> Claim | None:
    """Place all files; a claim if that cannot be done."""
    from .staging import StagingError, stage  # here: while it loads, the runner may call

    deadline = time.monotonic() + order.deadlines.staging
    authorities = {False: order.permit.ca, True: order.web_ca}
    try:
        course.source = stage(order.source, layout.work, order.limits.disk, authorities, deadline, stopped)
        course.inputs = stage(order.inputs, layout.inputs, order.limits.disk, authorities, deadline, stopped)
    except StagingError as error:
        if stopped():
            return Claim(Ending.TERMINATED)
        of_source = error.fault is Fault.INPUT_MISSING and not course.source
        fault = Fault.SOURCE_MISSING if of_source else error.fault
        return dataclasses.replace(_not_started(fault, error.detail), breach=error.breach)
    return None


def _load() -> None:
    """Load what the harvest needs while the program runs."""
    from . import harvest, upload  # noqa: F401


def _unfit(hello: Hello, stopped: _Stopped) -> Claim | None:
    """Why this runner gets no task."""
    if hello.version != VERSION:
        return _not_started(Fault.INTERNAL, "runner and collector are of different versions")
    if hello.missing:
        return _not_started(Fault.SANDBOX_UNAVAILABLE, f"missing: {', '.join(hello.missing)}")
    return Claim(Ending.TERMINATED) if stopped() else None


def _seal(order: Order, layout: Layout, course: _Course) -> Seal:
    """Store artifacts, logs and, last, the manifest."""
    from .faults import StoreError
    from .upload import Store, TooLarge

    store = Store(order.permit, time.monotonic() + order.deadlines.harvest)
    try:
        document = encode(_harvest(order, layout, course, store))
        digest = hashlib.sha256(document)
        store.put(MANIFEST_NAME, "application/json", digest.digest(), len(document), lambda: (document,))
    except StoreError as error:
        return _no_manifest(order, error.fault, error.detail)
    except TooLarge:
        return _no_manifest(order, Fault.STORE_REFUSED, "the permit does not cover the logs or the manifest")
    finally:
        store.close()
    subject = order.subject
    return Seal(VERSION, subject.uid, subject.attempt, f"sha256:{digest.hexdigest()}", len(document))


def _harvest(order: Order, layout: Layout, course: _Course, store: Store) -> Manifest:
    """Seal everything that was produced, and describe it."""
    from .harvest import gather

    harvest = gather(layout.outputs, order.outputs, order.ignored, order.limits, store, order.deadlines.harvest)
    store.deadline += order.deadlines.sealing
    stdout, stderr = (course.logs.seal(kind, store) for kind in (Kind.STDOUT, Kind.STDERR))
    return Manifest(
        version=VERSION,
        subject=order.subject,
        environment=order.environment,
        env_version=order.env_version,
        complete=course.claim.ending is Ending.EXITED and harvest.whole and not course.logs.truncated,
        claim=course.claim,
        times=Times(course.began, course.staged, course.ended, now()),
        provenance=order.provenance,
        source=course.source,
        inputs=course.inputs,
        artifacts=tuple(harvest.artifacts),
        rejected=harvest.tree.rejected,
        rejections=harvest.tree.rejections,
        harvest_breach=harvest.breach,
        stdout=stdout,
        stderr=stderr,
        sandbox=course.sandbox,
        record_violations=order.record_violations,
    )


def _not_started(fault: Fault, detail: str) -> Claim:
    return Claim(Ending.NOT_STARTED, fault=fault, detail=detail[:_MAX_DETAIL])


def _no_manifest(order: Order, fault: Fault, detail: str) -> Seal:
    uid, attempt = order.subject.uid, order.subject.attempt
    return Seal(VERSION, uid, attempt, fault=fault, detail=detail[:_MAX_DETAIL])


def _read_order(layout: Layout) -> Order:
    with open(layout.order, "rb") as file:
        order = decode(Order, file.read(MAX_ORDER + 1), max_bytes=MAX_ORDER)
    if order.version != VERSION:
        raise DecodeError("$.version: another one")
    return order


def _write_seal(layout: Layout, seal: Seal) -> None:
    message = encode(seal)
    descriptor = os.open(layout.termination_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, message[:MAX_SEAL])
    finally:
        os.close(descriptor)


def _harden() -> None:
    from . import kernel

    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def main(arguments: Sequence[str]) -> int:
    """Entry point: a fault before the order is known is sealed without a subject."""
    layout = Layout()
    try:
        _harden()
        layout = from_arguments(arguments)
        return run(layout)
    except Exception as error:  # the type alone: messages may hold paths or addresses
        print(f"fumehood collector: {type(error).__name__}", file=sys.stderr)
        _write_seal(layout, Seal(VERSION, "", 0, fault=Fault.INTERNAL, detail=type(error).__name__))
        return 1
