"""What every kind of cluster can do, and the choice among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from checkout import Checkout
from embedded.provider import Embedded
from existing import Existing
from kind import Kind
from report import ClusterError


class Provider(Protocol):
    """A way to a cluster; every verb may be repeated."""

    name: str

    def up(self, features: Sequence[str]) -> None:
        """Make the cluster run and write ``.cluster/``."""

    def down(self, purge: bool) -> None:
        """Remove the cluster; with ``purge`` its data as well."""

    def status(self) -> bool:
        """Print what runs; True only if all is well."""

    def load(self, archives: Sequence[Path]) -> Iterable[str]:
        """Import image archives; one JSON line an image: image, digest, pinned."""

    def build(self, features: Sequence[str]) -> None:
        """Prepare what `up` needs without starting anything."""

    def log(self, component: str) -> Path:
        """The log file of a component."""


PROVIDERS: dict[str, Callable[[Checkout], Provider]] = {"embedded": Embedded, "kind": Kind, "existing": Existing}
DEFAULT = "embedded"


def choose(name: str | None, checkout: Checkout) -> Provider:
    """The provider called ``name``; else that of the running cluster, else the default."""
    name = name or os.environ.get("FUMEHOOD_CLUSTER_PROVIDER") or _of_running(checkout) or DEFAULT
    if name not in PROVIDERS:
        raise ClusterError(f"there is no provider {name!r}", f"choose one of: {', '.join(PROVIDERS)}")
    return PROVIDERS[name](checkout)


def _of_running(checkout: Checkout) -> str:
    """The provider that wrote ``.cluster/env``, so that `down` and `status` mean the same cluster."""
    prefix = "export FUMEHOOD_CLUSTER_PROVIDER="
    lines = checkout.env.read_text().splitlines() if checkout.env.exists() else []
    return next((line[len(prefix) :].strip("'\"") for line in lines if line.startswith(prefix)), "")
