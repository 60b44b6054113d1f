"""The checkout that a cluster belongs to, and the files by which others find the cluster.

Everything on the machine is named by a short hash of the checkout's path, so two
checkouts have clusters side by side. ``.cluster/`` is the contract: tests and
people read ``kubeconfig`` and ``env`` there and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """A work tree of this repository."""

    root: Path

    @property
    def identity(self) -> str:
        """Eight hex digits: short enough for interface names of at most 15 characters."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    @property
    def contract(self) -> Path:
        """Where the files are that tests and people read."""
        return self.root / ".cluster"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, usable from the host."""
        return self.contract / "kubeconfig"

    @property
    def env(self) -> Path:
        """Shell file that exports what a test or a person needs."""
        return self.contract / "env"


def this_checkout() -> Checkout:
    """The checkout that this file is in."""
    return Checkout(Path(__file__).resolve().parents[2])


def write_atomically(path: Path, content: str, mode: int = 0o644) -> None:
    """Write by temporary file and rename: a killed writer never leaves half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w") as file:
        file.write(content)
    os.replace(temporary, path)


def env_document(variables: Mapping[str, str], programs: Path | None) -> str:
    """The shell file: ``variables`` quoted, the cluster's kubectl and helm first on PATH."""
    lines = ["# Written by hack/cluster; read it with: . .cluster/env"]
    if programs is not None:
        lines.append(f'export PATH={shlex.quote(str(programs))}:"$PATH"')
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    return "\n".join(lines) + "\n"


def write_env(checkout: Checkout, variables: Mapping[str, str], programs: Path | None) -> None:
    """Publish the contract's ``env``; mode 0600 because it holds the store's secret key."""
    complete = {"KUBECONFIG": str(checkout.kubeconfig), **variables}
    write_atomically(checkout.env, env_document(complete, programs), 0o600)
    write_atomically(checkout.contract / ".gitignore", "*\n")
