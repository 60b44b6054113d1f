"""Ask a component whether it is well, from inside its network namespace."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from embedded.components import Component
from embedded.network import inside
from embedded.processes import Processes
from report import ClusterError

POLL = 0.1  # seconds


def ask(component: Component) -> str:
    """Empty if the component is well, else what it (or the way to it) said."""
    try:
        if component.health.startswith("iptables:"):
            return _ask_iptables(component)
        with inside(component.netns):
            if component.health.startswith("/"):
                return _ask_socket(component.health)
            return _ask_url(component.health)
    except OSError as error:
        return str(error)


def _ask_url(url: str) -> str:
    # Certificates are not verified: the question is asked on a link of our own, and only health is read.
    context = ssl._create_unverified_context() if url.startswith("https") else None  # nosec B323
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        *([urllib.request.HTTPSHandler(context=context)] if context else []),
    )
    try:
        with opener.open(url, timeout=2) as answer:
            return "" if answer.status == 200 else f"status {answer.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}: {error.read(300).decode(errors='replace')}"
    except urllib.error.URLError as error:
        return str(error.reason)


def _ask_socket(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(path)
    return ""


def _ask_iptables(component: Component) -> str:
    """The policy controller ends its first round with an explicit accept of marked packets."""
    chain = component.health.partition(":")[2]
    enter = ["nsenter", f"--net=/run/netns/{component.netns}"]
    done = subprocess.run([*enter, "iptables", "-w", "5", "-S", chain], capture_output=True, text=True, check=False)
    return "" if "0x20000" in done.stdout else f"chain {chain} is not set up yet"


def wait(components: Sequence[Component], processes: Processes, seconds: float, log: Callable[[str], str]) -> None:
    """Until all are well; raise with the log's end as soon as one dies or time is up."""
    deadline = time.monotonic() + seconds
    waiting = list(components)
    while waiting:
        component = waiting[0]
        answer = ask(component)
        if not answer:
            waiting.pop(0)
            continue
        died = processes.alive(component.name) is None
        if died or time.monotonic() > deadline:
            problem = "ended" if died else f"is not well after {seconds:.0f} s ({answer})"
            raise ClusterError(f"{component.name} {problem}; the end of its log:\n{log(component.name)}")
        time.sleep(POLL)
