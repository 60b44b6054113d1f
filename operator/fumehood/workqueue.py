"""Keys to work on: each once at a time, again on demand, later after a failure.

Level-based controllers need what kopf's handlers do not give: the same key from
several kinds of objects, one worker a key, retries without a write, wake-ups.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

Key = tuple[str, str]  # namespace, name

FIRST_DELAY, LONGEST_DELAY = 0.2, 60.0
_log = logging.getLogger(__name__)


class WorkQueue:
    """Calls `handle(key)`; what it returns is when to call again, in seconds, or None."""

    def __init__(self, handle: Callable[[Key], Awaitable[float | None]], workers: int) -> None:
        self._handle = handle
        self._workers = workers
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def add(self, key: Key) -> None:
        """Work on `key` soon. A key that is queued stays queued once; one at work is worked on again."""
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Work on `key` after `seconds`, or earlier if it is added."""
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self.add, key)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            self._queued.discard(key)
            self._busy.add(key)
            try:
                await self._once(key)
            finally:
                self._busy.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    async def _once(self, key: Key) -> None:
        try:
            seconds = await self._handle(key)
        except Exception as error:  # one poisonous object never stops the loop
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            delay = getattr(error, "delay", None) or min(FIRST_DELAY * 2 ** min(failures, 16), LONGEST_DELAY)
            _log.warning("%s/%s: %s: %s; again in %.1f s", *key, type(error).__name__, " ".join(str(error)[:500].split()), delay)
            self.add_after(key, delay * random.uniform(0.8, 1.2))
            return
        self._failures.pop(key, None)
        if seconds is not None and key not in self._again:
            self.add_after(key, seconds)
