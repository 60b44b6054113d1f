"""Where the programs of our Pods start: `python -m fumehood_sandbox runner`, `collector` or `probe`.

The kernel drops a SIGTERM for process 1 that comes before its handler, and the
kubelet sends no second one. So it is blocked, and waits, before anything is loaded.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

_PROGRAMS = ("runner", "collector", "probe")

if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    if program not in _PROGRAMS:
        sys.exit(f"fumehood_sandbox: {program!r} is none of {', '.join(_PROGRAMS)}")
    sys.exit(import_module(f".{program}", __package__).main(arguments))
