"""Import image archives into containerd and give every image a name by digest.

Nothing is pulled on such a cluster, so what a Pod names must be there by that
very name: NAME:TAG as in the archive, and NAME@sha256:... as environments pin it.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from embedded.commands import run
from embedded.place import PAUSE_IMAGE, Place
from report import ClusterError

NAMESPACE = "k8s.io"
CRI_LABEL = "io.cri-containerd.image=managed"
OCI_NAME, OCI_REF = "io.containerd.image.name", "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Image:
    """One image in the cluster."""

    name: str
    digest: str

    @property
    def pinned(self) -> str:
        """NAME@sha256:…, without the tag."""
        return f"{without_tag(self.name)}@{self.digest}"

    def line(self) -> str:
        """What `load` prints: one JSON object a line."""
        return json.dumps({"image": self.name, "digest": self.digest, "pinned": self.pinned})


def canonical(name: str) -> str:
    """A name with its tag (pure).

    Raises:
        ClusterError: it names no host; the kubelet's side would take it for one of a public registry's.
    """
    first, slash, _ = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        raise ClusterError(f"the image {name!r} names no host", f"call it localhost/{name} when it is made")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def without_tag(name: str) -> str:
    """``name`` without its tag; a port of the host stays (pure)."""
    path, slash, last = name.rpartition("/")
    return path + slash + last.partition(":")[0]


def names_in(archive: Path) -> list[str]:
    """Image names that an archive (docker or OCI layout, packed or not) declares."""
    try:
        with tarfile.open(archive) as packed:
            members = {member.name.lstrip("./"): member for member in packed.getmembers()}
            texts = {name: _text(packed, members.get(name)) for name in ("index.json", "manifest.json")}
    except (OSError, tarfile.TarError) as error:
        raise ClusterError(f"{archive} is not an image archive: {error}") from error
    names = declared_names(texts["index.json"], texts["manifest.json"])
    if not names:
        raise ClusterError(f"{archive} names no image", "give it a name when it is made: docker-archive:FILE:NAME:TAG")
    return names


def _text(packed: tarfile.TarFile, member: tarfile.TarInfo | None) -> str:
    file = packed.extractfile(member) if member is not None else None
    return file.read().decode() if file is not None else ""


def declared_names(index: str, manifest: str) -> list[str]:
    """Names from an OCI index and from a docker manifest, either of which may be empty (pure)."""
    names: list[str] = []
    for entry in json.loads(index)["manifests"] if index else ():
        notes = entry.get("annotations") or {}
        names += [value for value in (notes.get(OCI_NAME), notes.get(OCI_REF)) if value][:1]
    for entry in json.loads(manifest) if manifest else ():
        names += entry.get("RepoTags") or []
    return list(dict.fromkeys(names))


class Images:
    """The images of one cluster's containerd."""

    def __init__(self, place: Place, programs: Path) -> None:
        self._ctr = [str(programs / "ctr"), "-a", str(place.containerd_socket), "-n", NAMESPACE, "images"]

    def table(self) -> dict[str, tuple[str, bool]]:
        """Name -> (digest, known to the kubelet's side)."""
        rows = [line.split() for line in run([*self._ctr, "ls"]).splitlines()[1:]]
        return {row[0]: (row[2], CRI_LABEL in row[-1]) for row in rows if len(row) > 2}

    def load(self, archive: Path) -> list[Image]:
        """Import ``archive``; the images that it declares, each with its name by digest made."""
        names = names_in(archive)
        run([*self._ctr, "import", "--local", "--snapshotter", "overlayfs", str(archive)])
        images = [self._publish(name) for name in names]
        self._await([name for image in images for name in (image.name, image.pinned)])
        return images

    def _publish(self, raw: str) -> Image:
        table = self.table()
        name = canonical(raw)
        source = name if name in table else raw
        if source not in table:
            raise ClusterError(f"containerd imported the archive, but no image {raw!r}", "is it of this machine's kind?")
        image = Image(name, table[source][0])
        wanted = [new for new in (image.name, image.pinned) if new != source]
        run([*self._ctr, "tag", "--force", source, *wanted])
        return image

    def _await(self, names: list[str]) -> None:
        """The kubelet's side learns of an image by an event, a moment later."""
        deadline = time.monotonic() + 20
        while True:
            table = self.table()
            unknown = [name for name in names if not table.get(name, ("", False))[1]]
            if not unknown:
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"the kubelet's side does not see {', '.join(unknown)}")
            time.sleep(0.1)

    def ensure_pause(self, program: Path, scratch: Path) -> None:
        """The image that holds a Pod's namespaces, packed from our own static program."""
        if PAUSE_IMAGE in self.table():
            return
        archive = scratch / "pause.tar"
        scratch.mkdir(parents=True, exist_ok=True)
        archive.write_bytes(pack({"pause": program.read_bytes()}, ["/pause"], PAUSE_IMAGE))
        self.load(archive)
        archive.unlink()


def pack(files: dict[str, bytes], entrypoint: list[str], name: str) -> bytes:
    """A docker-archive of one layer with executable ``files`` (pure, the same bytes each time)."""
    layer = _tar({path: (content, 0o755) for path, content in files.items()})
    config = {
        "architecture": _architecture(),
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    documents = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return _tar({"layer.tar": (layer, 0o644), **{name: (text, 0o644) for name, text in documents.items()}})


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, (content, mode) in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
