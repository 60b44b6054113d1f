"""What is found, what it is called, and what it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fumehood_sandbox import disk, formats, logs, readable, walk
from fumehood_sandbox.disk import DiskMeter, Room
from fumehood_sandbox.globs import matches
from fumehood_sandbox.harvest import Harvest
from fumehood_sandbox.tree import Tally
from fumehood_sandbox.wire import MAX_TAIL, Rejected, Rejection
from unit.fumehood_sandbox.pod import LONG


@pytest.mark.parametrize(
    ("name", "head", "expected", "kind"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n....", "png", "plot"),
        ("a.png", b"\x7fELF\x02", "elf", "export"),
        ("a.png", b"<html><script>", "html", "export"),
        ("a.png", b"hello", "text", "export"),
        ("a.png", b"\0\1\2", "binary", "export"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "png", "plot"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "jpeg", "plot"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "webp", "plot"),
        ("a.bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "bmp", "plot"),
        ("BM.txt", b"BM is a text", "text", "export"),
        ("a.svg", b'<?xml version="1.0"?>\n<!-- x > y -->\n<!DOCTYPE svg PUBLIC "a" "b">\n<svg xmlns="">', "svg", "plot"),
        ("a.svg", b"<svgx>", "text", "export"),
        ("a.xml", b"<?xml version='1.0'?><root/>", "xml", "export"),
        ("a.htm", b"\n <!DOCTYPE HTML>", "html", "export"),
        ("a.json", b' {"a": 1}', "json", "dataset"),
        ("a.json", b"hello", "text", "export"),
        ("a.csv", "é,1\n".encode(), "csv", "dataset"),
        ("a.csv", b"\xff\xfe", "binary", "export"),
        ("a.tsv", b"a\tb", "tsv", "dataset"),
        ("a.parquet", b"PAR1....", "parquet", "dataset"),
        ("a.npy", b"\x93NUMPY\x01\0", "npy", "dataset"),
        ("a.npz", b"PK\x03\x04........x.npy", "npz", "dataset"),
        ("a.xlsx", b"PK\x03\x04....[Content_Types].xml", "xlsx", "dataset"),
        ("a.xlsx", b"PK\x03\x04....evil", "zip", "export"),
        ("a.pkl", b"\x80\x04\x95", "pickle", "export"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "hdf5", "dataset"),
        ("a.gz", b"\x1f\x8b\x08", "gzip", "export"),
        ("a.ps", b"%!PS-Adobe", "postscript", "plot"),
        ("a", b"", "text", "export"),
        ("cut.txt", b"x" * (formats.HEAD - 1) + "é".encode()[:1], "text", "export"),
    ],
)
def test_formats_come_from_the_bytes(name: str, head: bytes, expected: str, kind: str) -> None:
    found = formats.detect(name, head)
    assert (found.name, formats.kind_of(found)) == (expected, kind)


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("a.png", "*.png", True),
        ("d/a.png", "*.png", False),
        ("d/a.png", "**/*.png", True),
        ("a.png", "**/*.png", True),
        ("d/e/a.png", "d/**", True),
        ("d", "d/**", True),
        ("x/d/e", "d/**", False),
        ("a/b/c", "a/*/c", True),
        ("a/b/x/c", "a/*/c", False),
        ("a/b/x/c", "a/**/c", True),
        ("a[1].txt", "a[[]1].txt", True),
        ("A.png", "a.png", False),
        ("a" * 200, "*a" * 60 + "b", False),
        ("/".join("a" * 30), "/".join(["**", "a"] * 20) + "/b", False),
    ],
)
def test_globs(name: str, pattern: str, expected: bool) -> None:
    assert matches(name, pattern) is expected


def found(path: Path) -> walk.Tree:
    root = os.open(path, os.O_RDONLY)
    try:
        return walk.walk(root, str(path))
    finally:
        os.close(root)


def still_open(folder: Path) -> list[str]:
    """What this process has open there; other threads may open and close other things at any time."""
    goals = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            goals.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue  # the listing's own, or another thread's
    return [goal for goal in goals if Path(goal).is_relative_to(folder)]


def test_the_walk_is_in_the_order_of_names_and_leaks_nothing(tmp_path: Path) -> None:
    for name in ("b/z", "b/a", "b-", "a", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [entry.name for entry in found(tmp_path).files] == ["a", "b-", "b/a", "b/z", "c/d/e"]
    assert still_open(tmp_path) == []


def test_too_many_entries_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_ENTRIES", 10)
    (tmp_path / "d").mkdir()
    for number in range(20):
        (tmp_path / "d" / f"{number:02}").touch()
    tree = found(tmp_path)
    assert len(tree.files) == 9
    assert tree.rejected == [Rejected("d/", Rejection.COUNT)]


@pytest.mark.parametrize("name", ["..\\..\\evil", "a\\b", "C:evil", "d:"])
def test_names_that_lead_elsewhere_on_windows_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    (tmp_path / "12:30:05.csv").write_text("x")
    root = os.open(tmp_path, os.O_RDONLY)
    tree = walk.walk(root, str(tmp_path))
    os.close(root)
    assert [found.name for found in tree.files] == ["12:30:05.csv"]
    assert [(entry.name, entry.reason) for entry in tree.rejected] == [(name, Rejection.NAME)]


def test_long_names(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(5):
        folder = folder / ("n" * 250)
        folder.mkdir()
    (rejected,) = found(tmp_path).rejected
    assert (rejected.reason, len(rejected.name)) == (Rejection.NAME, 255)


def test_links_are_judged_by_their_text(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    goals = {
        "in": "x",
        "d/up": "../x",
        "d/out": "../../x",
        "abs": "/etc",
        "self": str(tmp_path / "x"),
        "root": "..",
    }
    goals["dots"] = f"{tmp_path}/../y"
    for name, goal in goals.items():
        (tmp_path / name).symlink_to(goal)
    escapes = {entry.name: entry.escape for entry in found(tmp_path).rejected}
    assert escapes == {"in": False, "d/up": False, "d/out": True, "abs": True, "self": False, "root": True, "dots": True}


def test_device_nodes_reach_out(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    os.mknod(tmp_path / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert found(tmp_path).rejected == [Rejected("null", Rejection.SPECIAL, escape=True)]


@pytest.mark.parametrize("change", ["link", "other", "grown", "folder"])
def test_a_file_that_is_another_one_when_opened(tmp_path: Path, change: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("x")
    (seen,) = found(tmp_path).files
    if change == "folder":
        (tmp_path / "d").rename(tmp_path / "e")
        (tmp_path / "d").symlink_to("e")
    elif change == "grown":
        (tmp_path / "d" / "f").write_text("xy")
    else:
        (tmp_path / "d" / "f").unlink()
        (tmp_path / "d" / "f").symlink_to("/etc/passwd") if change == "link" else (tmp_path / "d" / "f").write_text("y")
    root = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises((walk.Changed, OSError)):
        walk.open_file(root, seen)
    os.close(root)


def test_attempts_to_escape_are_listed_before_the_cut() -> None:
    many = [Rejected(f"a{number:03}", Rejection.SYMLINK) for number in range(200)]
    harvest = Harvest(rejected=[*many, Rejected("z", Rejection.SYMLINK, escape=True)])
    assert len(harvest.listed) == 100
    assert harvest.listed[0].name == "z"


def test_tails_are_short_and_begin_with_a_line() -> None:
    assert logs.tail(b"a\nb\n") == "a\nb\n"
    assert logs.tail(b"x" * 10 + b"\n" + b"y" * (MAX_TAIL - 5)) == "y" * (MAX_TAIL - 5)
    assert logs.tail(b"x" * 9000) == "x" * MAX_TAIL
    assert len(logs.tail(b"\xff" * 9000).encode()) <= MAX_TAIL


def test_reading_is_permitted_without_following(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch(0o600)
    root = tmp_path / "outputs"
    (root / "d").mkdir(parents=True)
    (root / "d" / "f").touch(0o000)
    (root / "link").symlink_to(outside)
    (root / "d").chmod(0o000)
    readable.make_readable(str(root), LONG)
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o555
    assert stat.S_IMODE((root / "d" / "f").stat().st_mode) == 0o444
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600


def meter(*roots: Path, allowed: Room = Room(1 << 30, 1000)) -> DiskMeter:
    return DiskMeter([str(root) for root in roots], list, allowed)


def measured(*roots: Path) -> DiskMeter:
    found = meter(*roots)
    found.measure(LONG)
    return found


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands: a walk takes no time, and so is whole in one step."""
    monkeypatch.setattr(disk, "time", SimpleNamespace(monotonic=lambda: 0.0))


def test_disk_counts_blocks_once_and_follows_nothing(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    empty = measured(tmp_path)
    (tmp_path / "d" / "f").write_bytes(b"x" * (1 << 20))
    (tmp_path / "d" / "g").hardlink_to(tmp_path / "d" / "f")
    (tmp_path / "up").symlink_to("/usr")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    found = measured(tmp_path, tmp_path / "missing")
    assert 1 << 20 <= found.used - empty.used <= (1 << 20) + 65536
    assert (empty.files, found.files, found.largest) == (1, 5, 1 << 40)
    assert still_open(tmp_path) == []


def test_disk_is_measured_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_SLICE", -1.0)  # every slice is over at once
    free = iter(range(100, 0, -1))  # less each time, whatever others do to this file system
    monkeypatch.setattr(disk, "free", lambda roots: Room(next(free), 1))
    for number in range(5):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}" / "f").write_bytes(b"x" * 8192)
    one, steps = meter(tmp_path), 0
    while steps == 0 or one._walk is not None:
        one.next = 0.0
        one.step(1.0)
        steps += 1
    assert steps > 5
    assert (one.used, one.files) == (measured(tmp_path).used, 10)


@pytest.mark.usefixtures("still")
def test_a_disk_on_which_nothing_was_written_is_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [Room(100, 100)]
    monkeypatch.setattr(disk, "free", lambda roots: free[-1])
    (tmp_path / "f").touch()
    one = meter(tmp_path, allowed=Room(50, 50))
    one.step(10.0)
    assert (one.files, one.next) == (0, 10.02)
    free.append(Room(100, 40))  # as if all that is allowed had been used, and more
    one.step(20.0)
    assert one.files == 1


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("rate", [2 << 30, 1 << 30, 100 << 20])
def test_the_fastest_writer_is_found_out_within_a_look_of_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    written, allowed = [0], 64 << 20

    def walk(roots: object, processes: object, tally: Tally) -> Iterator[None]:
        tally.bytes = written[0]
        yield

    monkeypatch.setattr(disk, "walk", walk)
    monkeypatch.setattr(disk, "free", lambda roots: Room((1 << 40) - written[0], 1 << 20))
    one, now = meter(tmp_path, allowed=Room(allowed, 1 << 19)), 0.0
    while one.used <= allowed:
        now = max(now, one.next)
        written[0] = int(now * rate)
        assert written[0] <= allowed + rate * 0.021, "it was not looked in time"
        one.step(now)


@pytest.mark.usefixtures("still")
def test_a_walk_is_repeated_in_time_whatever_the_free_room_suggests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [Room(1000, 1000)]
    monkeypatch.setattr(disk, "free", lambda roots: free[-1])
    one = meter(tmp_path)
    for number, now in enumerate((100.0, 200.0, 300.0)):
        (tmp_path / str(number)).touch()
        free.append(Room(1000, 1001 + number))  # others removed more than the program made
        one.step(now)
        assert one.files == number + 1
