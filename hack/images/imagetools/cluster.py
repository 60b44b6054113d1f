"""Images in the cluster: what its nodes have, and loading what they lack."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from .catalogue import ImagesError
from .process import output


def present(root: Path) -> set[str]:
    """Names and digests of images that every node reports; empty without a cluster.

    Nodes report the largest of their images only, so an image may be there although it is not in
    this set: loading it again is harmless.
    """
    env = root / ".cluster" / "env"
    if not env.exists():
        return set()
    reported = output(["sh", "-c", f". {shlex.quote(str(env))} && kubectl get nodes -o json --request-timeout=5s"])
    nodes = json.loads(reported)["items"] if reported else []
    return names_on_all(nodes)


def names_on_all(nodes: list[dict[str, object]]) -> set[str]:
    """Image names that all node objects report (pure)."""
    sets = []
    for node in nodes:
        images = node.get("status", {}).get("images") or []  # type: ignore[attr-defined]
        sets.append({name for image in images for name in image.get("names") or []})
    return set.intersection(*sets) if sets else set()


def load(root: Path, archives: list[Path]) -> dict[str, str]:
    """Import archives by hack/cluster; image name with tag -> digest in the cluster."""
    command = [sys.executable, str(root / "hack" / "cluster"), "load", *map(str, archives)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise ImagesError("the cluster did not take the images; is it up? (python3 hack/cluster up)")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["image"]: line["digest"] for line in lines}
