"""Volumes of job Pods and who may write to them (pure). No hostPath, no subPath, nothing that outlives the Pod."""

from __future__ import annotations

from fumehood_sandbox import wire

from ...ports import Json

SHM = "64Mi"
# What a disk flood may reach beyond the limit before the runner has ended it. The kubelet must not be the first to
# notice: it evicts the Pod, and everything in it is lost. 2 GiB a second, for an eighth of a second: see `disk.pace`.
DISK_SLACK = 256 << 20


def volumes(secret: str, payload_image: str, pull_policy: str, disk: int, staged: int) -> list[Json]:
    """Return the Pod's volumes; `disk` and `staged` are bytes."""

    def scratch(name: str, size: int) -> Json:
        return {"name": name, "emptyDir": {"sizeLimit": str(size)}}

    return [
        payload(payload_image, pull_policy),
        {"name": "order", "secret": {"secretName": secret, "defaultMode": 0o444, "optional": False}},
        scratch("work", staged),
        scratch("inputs", staged),
        scratch("outputs", disk + DISK_SLACK),
        scratch("tmp", disk + DISK_SLACK),
        scratch("home", disk + DISK_SLACK),
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": SHM}},
    ]


def payload(image: str, pull_policy: str) -> Json:
    """Return the volume that holds our programs and their Python."""
    return {"name": "payload", "image": {"reference": image, "pullPolicy": pull_policy}}


def payload_mount() -> Json:
    """Return where every container of ours finds them."""
    return _mount("payload", wire.PAYLOAD, read_only=True)


def collector_mounts() -> list[Json]:
    """Return the collector's mounts: it stages, and reads what was written."""
    return [
        payload_mount(),
        _mount("order", wire.ORDER_DIR, read_only=True),
        _mount("work", wire.WORK),
        _mount("inputs", wire.INPUTS),
        _mount("outputs", wire.OUTPUTS, read_only=True),
    ]


def analysis_mounts() -> list[Json]:
    """Return the mounts of the container that hostile code shares."""
    return [
        payload_mount(),
        _mount("work", wire.WORK, read_only=True),
        _mount("inputs", wire.INPUTS, read_only=True),
        _mount("outputs", wire.OUTPUTS),
        _mount("tmp", wire.TMP),
        _mount("home", wire.HOME),
        _mount("shm", "/dev/shm"),
    ]


def _mount(name: str, path: str, *, read_only: bool = False) -> Json:
    mount: Json = {"name": name, "mountPath": path}
    return mount | {"readOnly": True} if read_only else mount
