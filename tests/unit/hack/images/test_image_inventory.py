"""What environments hold that no lock names."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from imagetools import archives, inventory

FILES = {
    "var/lib/dpkg/status": "Package: texlive-base\nStatus: install ok installed\nVersion: 2024.20250309-1\n\nPackage: tar\nVersion: 1.35\n",
    "usr/share/texlive/texmf-dist/tex/latex/pgfplots/pgfplots.sty": "",
    "usr/share/texlive/texmf-dist/tex/latex/siunitx/siunitx.sty": "",
    "usr/share/texlive/texmf-dist/fonts/tfm/public/lm/lmr10.tfm": "",
    "usr/lib/R/site-library/ggplot2/DESCRIPTION": "Package: ggplot2\nTitle: Graphics\nVersion: 3.5.1\nAuthors: many\n",
    "usr/lib/R/library/stats/DESCRIPTION": "Package: stats\nVersion: 4.5.0\n",
    "usr/lib/R/library/stats/help/stats.rdb": "",
}


def packed(members: dict[str, bytes], mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def image(path: Path, *layers: dict[str, str]) -> Path:
    blobs = {
        f"sha256:{number}": packed({name: text.encode() for name, text in layer.items()}, "w:gz") for number, layer in enumerate(layers)
    }
    manifest = json.dumps({"layers": [{"digest": digest} for digest in blobs]}).encode()
    index = json.dumps({"manifests": [{"digest": "sha256:manifest"}]}).encode()
    blobs["sha256:manifest"] = manifest
    path.write_bytes(packed({"index.json": index, **{f"blobs/{digest.replace(':', '/')}": blob for digest, blob in blobs.items()}}, "w"))
    return path


def test_packages_are_called_as_programs_call_them(tmp_path: Path) -> None:
    half = len(FILES) // 2
    archive = image(tmp_path / "r-1.tar", dict(list(FILES.items())[:half]), dict(list(FILES.items())[half:]))
    expected = {"ggplot2": "3.5.1", "pgfplots": "2024.20250309-1", "siunitx": "2024.20250309-1", "stats": "4.5.0"}
    assert inventory.packages(archive) == expected
    archive.write_bytes(b"")
    assert inventory.packages(archive) == expected, "it is kept beside the archive"


def test_an_archive_without_an_index_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "r-1.tar").write_bytes(packed({"manifest.json": b"[]"}, "w"))
    assert inventory.packages(tmp_path / "r-1.tar") == {}


def test_what_an_old_archive_held_goes_with_it(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"r-{number}.tar").touch()
        (tmp_path / f"r-{number}.packages").touch()
    archives.prune(tmp_path, "r", tmp_path / "r-0.tar")
    kept = {path.stem for path in tmp_path.glob("*.tar")}
    assert len(kept) == 2 and kept == {path.stem for path in tmp_path.glob("*.packages")}
