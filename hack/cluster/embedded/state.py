"""What one cluster remembers between runs: its addresses, the store's key, its features."""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from checkout import write_atomically
from embedded import addresses as addressing
from embedded.addresses import Addresses
from embedded.network import networks_in_use
from embedded.place import DATA_HOME, RUN_HOME, Place
from report import ClusterError

FILE = "state.json"


@dataclass(frozen=True)
class State:
    """The choices made at the first `up`; they stay until `down --purge`."""

    block: str
    access_key: str
    secret_key: str
    gvisor: bool = False

    @property
    def addresses(self) -> Addresses:
        """Addresses within the block."""
        return Addresses(self.block)


def read(place: Place) -> State | None:
    """The remembered state; None before the first `up` (or if the file is damaged)."""
    try:
        return State(**json.loads((place.data / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(place: Place, state: State) -> None:
    """Remember ``state``; mode 0600 because of the secret key."""
    write_atomically(place.data / FILE, json.dumps(asdict(state)), 0o600)


def ensure(place: Place, gvisor: bool) -> State:
    """The remembered state, made at the first time; ``gvisor`` is only ever switched on."""
    state = read(place)
    if state is None:
        with locked(RUN_HOME / "addresses.lock", wait=True):
            taken = [*networks_in_use(place.veth("h")), *_blocks_of_others(place)]
            block = addressing.choose(place.identity, taken).block
            state = State(block, "fumehood", secrets.token_urlsafe(24))
            write(place, state)
    if gvisor and not state.gvisor:
        state = State(**{**asdict(state), "gvisor": True})
        write(place, state)
    return state


def _blocks_of_others(place: Place) -> list[str]:
    others = [Place(path.parent.name) for path in DATA_HOME.glob(f"*/{FILE}") if path.parent != place.data]
    return [state.block for state in map(read, others) if state is not None]


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold an advisory lock; the kernel drops it with the process, so none is ever stale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise ClusterError("another command is at work on this cluster", "wait for it to end") from error
        yield
