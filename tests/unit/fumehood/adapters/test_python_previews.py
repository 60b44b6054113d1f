"""Previews are small, cost the job nothing, and change nothing that the program left."""

from __future__ import annotations

import dataclasses
import io
import json
import zlib
from pathlib import Path

import pytest
from PIL import Image

from unit.fumehood.adapters.sandbox import LIMITS, Sandbox

SIDE = 1024


TABLE = "a\n" + "1\n" * 30


def write(sandbox: Sandbox, **files: bytes | str) -> None:
    for name, content in files.items():
        path = sandbox.outputs / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def previews(sandbox: Sandbox, code: str = "pass", **options: object) -> dict[str, bytes]:
    sandbox.script(code, previews=True, **options)
    return {name.removeprefix(".previews/"): content for name, content in sandbox.left().items() if name.startswith(".previews/")}


def picture(size: tuple[int, int], form: str = "PNG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, form)
    return out.getvalue()


def test_of_each_kind(sandbox: Sandbox) -> None:
    code = "import os, matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
    code += "for kind in ('pdf', 'svg'): plt.savefig(os.environ['FUMEHOOD_OUTPUTS'] + '/plot.' + kind)"
    write(sandbox, wide__png=picture((3000, 20)), small__png=picture((30, 20)), photo__jpg=picture((2000, 2000), "JPEG"))
    write(
        sandbox,
        palette__gif=picture((9, 9), "GIF", "P"),
        table__csv="a;b\n" + "1;2\n" * 21,
        other__tsv="a\tb\n" + "1\t2\n" * 21,
        whole__csv="a;b\n1;2\n",
        text__txt="x",
        x="y",
    )
    found = previews(sandbox, code)
    assert set(found) == {
        "plot.pdf.png",
        "plot.svg.png",
        "wide.png.png",
        "photo.jpg.png",
        "palette.gif.png",
        "table.csv.json",
        "other.tsv.json",
    }
    for name, content in found.items():
        if name.endswith(".png"):
            with Image.open(io.BytesIO(content)) as image:
                assert image.format == "PNG" and max(image.size) <= SIDE, name
        else:
            assert json.loads(content) == {"columns": ["a", "b"], "rows": [["1", "2"]] * 20, "truncated": True}


WIDE = "a,b," + "c" * 5000  # more than what is its own preview
TABLES = {
    "shown whole": (WIDE + "\n1,2\n", 1, 3, False),
    "many rows": ("a,b\n" + "1,2\n" * 1000, 20, 2, True),
    "many columns": (",".join("c" * 100) + "\n", 0, 50, True),
    "one giant line": ("x" * (5 << 20), 0, 1, True),
    "NULs": (WIDE + "\n\0,\0\0\n", 1, 3, False),
    "not UTF-8": (WIDE.encode() + b"\n\xff,\xfe\n", 1, 3, False),
    "open quote": (WIDE + '\n"1,2\n' + 'a,b\n"1,2\n' * 2, 3, 3, False),
    "with a mark": (b"\xef\xbb\xbf" + WIDE.encode() + b"\n1,2\n", 1, 3, False),
}


@pytest.mark.parametrize("kind", TABLES)
def test_heads_of_tables_are_small(sandbox: Sandbox, kind: str) -> None:
    content, rows, columns, truncated = TABLES[kind]
    write(sandbox, t__csv=content)
    raw = previews(sandbox)["t.csv.json"]
    found = json.loads(raw)
    assert (len(found["rows"]), len(found["columns"]), found["truncated"]) == (rows, columns, truncated)
    assert all(len(cell) <= 200 for row in [found["columns"], *found["rows"]] for cell in row)


def _png_that_says(width: int, height: int) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


HOSTILE = {
    "bomb.png": _png_that_says(60_000, 60_000),
    "below-the-bomb.png": _png_that_says(9_000, 9_000),
    "cut.png": picture((3000, 3000))[:200],
    "not.pdf": b"%PDF-1.7\n" + b"\0" * 1000,
    "empty.pdf": b"",
    "huge.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"><rect width="9" height="9"/></svg>',
    "laughs.svg": b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b']><svg xmlns="http://www.w3.org/2000/svg"><text>&j;</text></svg>',
    "deep.svg": b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 100_000,
    "files.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/hostname" width="9" height="9"/></svg>',
    "not.parquet": b"PAR1" * 100,
    "not.xlsx": b"PK\3\4" * 100,
}


def test_hostile_files_get_none_or_a_small_one_and_the_rest_get_theirs(sandbox: Sandbox) -> None:
    for name, content in HOSTILE.items():
        (sandbox.outputs / name).write_bytes(content)
    write(sandbox, zz__csv=TABLE)
    done = sandbox.script("print('done')", previews=True)
    assert (done.stdout, done.stderr) == ("done\n", "")
    left = sandbox.left()
    assert {name: left[name] for name in HOSTILE} == HOSTILE
    assert all(len(content) <= 1 << 20 for name, content in left.items() if name.startswith(".previews/"))
    assert ".previews/bomb.png.png" not in left


@pytest.mark.parametrize("limits", [{"files": 3}, {"disk": 1 << 16}])
def test_there_are_none_where_they_would_come_near_a_limit(sandbox: Sandbox, limits: dict[str, int]) -> None:
    write(sandbox, t__csv=TABLE)
    assert previews(sandbox, limits=dataclasses.replace(LIMITS, **limits)) == {}


def test_nothing_of_the_program_is_loaded(sandbox: Sandbox) -> None:
    write(sandbox, t__csv=TABLE)
    sandbox.run({"main.py": "pass", "csv.py": "raise SystemExit", "sitecustomize.py": "raise SystemExit"}, previews=True)
    assert set(sandbox.left()) == {"t.csv", ".previews/t.csv.json"}


def test_what_the_program_drew_itself_stays(sandbox: Sandbox) -> None:
    write(sandbox, t__csv=TABLE)
    (sandbox.outputs / ".previews").mkdir()
    (sandbox.outputs / ".previews" / "t.csv.json").write_text("own")
    assert previews(sandbox) == {"t.csv.json": b"own"}


@pytest.mark.parametrize("link", [".previews", ".previews/sub", "t.csv"])
def test_links_are_not_followed(sandbox: Sandbox, tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "t.csv").write_text(TABLE)
    (sandbox.outputs / "sub").mkdir()
    if link != "t.csv":
        (sandbox.outputs / "sub" / "t.csv").write_text(TABLE)
    (sandbox.outputs / link).parent.mkdir(exist_ok=True)
    (sandbox.outputs / link).symlink_to(elsewhere / "t.csv" if link == "t.csv" else elsewhere)
    sandbox.script("pass", previews=True)
    assert [path.name for path in elsewhere.iterdir()] == ["t.csv"]
    assert (elsewhere / "t.csv").read_text() == TABLE
    assert not [path for path in sandbox.outputs.rglob("*.json")]
