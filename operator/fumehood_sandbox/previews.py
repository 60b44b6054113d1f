"""Pictures and heads of what a program left, by a command of its own once the program is gone.

It runs behind the same walls, with a part of what the program left of each limit,
and nobody hears it: whatever becomes of it, the attempt went as it went.
"""

from __future__ import annotations

import dataclasses

from . import child
from .border.claim import Usage
from .border.limits import Limits
from .border.task import Task
from .frames import Channel
from .layout import Layout
from .limits import for_preview
from .meters import Meters
from .output import Output
from .signals import Signals
from .supervise import Stop, Supervisor, Watched

_MOST_SECONDS, _LEAST_SECONDS = 60.0, 0.5
_MOST_CPU = 10.0  # seconds
_OUTPUT = 64 << 10
_PART = 2  # one in so many of what is left


def make(task: Task, used: Usage, layout: Layout, channel: Channel, caught: Signals) -> Stop | None:
    """Run the task's preview command, if it has one and time for it; return why it had to end early, if not for a limit.

    Processes that it left running are not ended.
    """
    limits = left(task.limits, used)
    if task.preview is None or limits.wall_clock < _LEAST_SECONDS or limits.cpu_time < _LEAST_SECONDS:
        return None
    meters = Meters(layout, limits)
    again = dataclasses.replace(task, command=task.preview, limits=limits)
    try:
        maker = child.start(again, layout, for_preview(limits, meters.tasks.others))
    except child.StartError:
        return None  # the environment lacks it
    output = Output(channel, limits.output, maker.stdout, maker.stderr, heard=False)
    supervisor = Supervisor(Watched(maker, limits, channel, caught, meters, output))
    supervisor.run()
    supervisor.close()
    return supervisor.stop


def left(limits: Limits, used: Usage) -> Limits:
    """Return what previews may use: time is not there again, and files and bytes are counted with the program's."""
    return dataclasses.replace(
        limits,
        wall_clock=min(_MOST_SECONDS, (limits.wall_clock - used.wall_seconds) / _PART),
        cpu_time=min(_MOST_CPU, (limits.cpu_time - used.cpu_seconds) / _PART),
        output=_OUTPUT,
    )
