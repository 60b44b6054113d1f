"""The queue with time made by hand: delayed calls are collected, none is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from fumehood.errors import Unavailable
from fumehood.workqueue import Key, WorkQueue

A, B, C = ("lab", "a"), ("lab", "b"), ("lab", "c")


class Timers:
    """Stands for the loop's clock: what was put off, and for how long."""

    def __init__(self) -> None:
        self.pending: list[tuple[float, Callable[..., None], tuple[Any, ...], Handle]] = []

    def call_later(self, delay: float, callback: Callable[..., None], *args: Any) -> Handle:
        handle = Handle()
        self.pending.append((delay, callback, args, handle))
        return handle

    def delays(self) -> dict[Key, float]:
        return {args[0]: round(delay, 3) for delay, _, args, handle in self.pending if not handle.cancelled}

    def fire(self) -> None:
        due, self.pending = self.pending, []
        for _, callback, args, handle in due:
            if not handle.cancelled:
                callback(*args)


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Timers]:
    made = Timers()
    monkeypatch.setattr("fumehood.workqueue.asyncio.get_running_loop", lambda: made)
    monkeypatch.setattr("fumehood.workqueue.random.uniform", lambda low, high: (low + high) / 2)
    return made  # type: ignore[return-value]


class Desk:
    """A queue at work on a handler that answers by a script."""

    def __init__(self, workers: int = 2, **answers: list[Any]) -> None:
        self.seen: list[str] = []
        self.answers = answers
        self.queue = WorkQueue(self._handle, workers)

    async def _handle(self, key: Key) -> float | None:
        self.seen.append(key[1])
        script = self.answers.get(key[1]) or [None]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def settle(self) -> None:
        task = asyncio.ensure_future(self.queue.run())
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_key_that_is_queued_stays_queued_once(timers: Timers) -> None:
    desk = Desk()
    for key in (A, B, A, A):
        desk.queue.add(key)
    await desk.settle()
    assert desk.seen == ["a", "b"]


async def test_a_key_is_worked_on_by_one_and_again_if_it_was_added_meanwhile(timers: Timers) -> None:
    running, most, runs = 0, 0, 0
    gate = asyncio.Event()

    async def handle(key: Key) -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    queue = WorkQueue(handle, 4)
    task = asyncio.ensure_future(queue.run())
    for _ in range(5):
        queue.add(A)
        await asyncio.sleep(0)
    gate.set()
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    assert (most, runs) == (1, 2)


async def test_it_is_called_again_when_the_handler_said(timers: Timers) -> None:
    desk = Desk(a=[5.0, None])
    desk.queue.add(A)
    await desk.settle()
    assert timers.delays() == {A: 5.0}
    timers.fire()
    await desk.settle()
    assert desk.seen == ["a", "a"]
    assert timers.delays() == {}


async def test_an_event_comes_before_the_timer_and_replaces_it(timers: Timers) -> None:
    desk = Desk(a=[5.0, None])
    desk.queue.add(A)
    await desk.settle()
    desk.queue.add(A)
    timers.fire()
    await desk.settle()
    assert desk.seen == ["a", "a"]


async def test_one_poisonous_key_is_put_off_ever_longer_and_stops_no_other(timers: Timers) -> None:
    desk = Desk(workers=1, a=[ValueError("poison")])
    delays = []
    for _ in range(12):
        desk.queue.add(A)
        desk.queue.add(B)
        await desk.settle()
        delays.append(timers.delays()[A])
    assert desk.seen.count("b") == 12
    assert delays[:4] == [0.4, 0.8, 1.6, 3.2]
    assert delays[-1] == 60.0


async def test_success_ends_the_back_off(timers: Timers) -> None:
    desk = Desk(a=[ValueError(), ValueError(), None, ValueError(), None])
    delays = []
    for _ in range(4):
        desk.queue.add(A)
        await desk.settle()
        delays.append(timers.delays().get(A))
    assert delays == [0.4, 0.8, None, 0.4]


async def test_the_other_side_may_say_how_long(timers: Timers) -> None:
    desk = Desk(a=[Unavailable("busy", delay=17)])
    desk.queue.add(A)
    await desk.settle()
    assert timers.delays() == {A: 17.0}
