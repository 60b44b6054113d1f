"""What is found, what it is called, and what it is."""

from __future__ import annotations

import mmap
import os
import resource
import socket
import stat
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fumehood_sandbox import descriptors, disk, formats, logs, readable, walk
from fumehood_sandbox.disk import DiskMeter, Room
from fumehood_sandbox.globs import matches
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


def found(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> walk.Tree:
    root = os.open(path, os.O_RDONLY)
    try:
        return walk.walk(root, str(path), wanted)
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
    assert tree.rejected == (Rejected("d/", Rejection.COUNT),)
    assert not tree.whole


def test_what_is_declared_is_found_among_any_number_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_ENTRIES", 10)
    (tmp_path / "result.csv").write_text("a,b")
    for number in range(2000):
        (tmp_path / f"{number:04}.tmp").touch()
    (tmp_path / "also.tmp").hardlink_to(tmp_path / "result.csv")  # a name before it, but none that anybody declared
    tree = found(tmp_path, lambda name: name.endswith(".csv"))
    assert [entry.name for entry in tree.files] == ["result.csv"]
    assert (tree.rejections, tree.whole) == (2001, True)
    assert tree.rejected == tuple(Rejected(f"{number:04}.tmp", Rejection.NOT_DECLARED) for number in range(100))


def test_no_more_names_are_read_than_a_job_may_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_NAMES", 10)
    for number in range(20):
        (tmp_path / str(number)).touch()
    tree = found(tmp_path, lambda name: False)
    assert (tree.rejections, tree.whole) == (11, False)


def test_what_nobody_declared_is_looked_at_if_it_is_no_plain_file(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "a\nb").touch()
    (tmp_path / "c").touch()
    tree = found(tmp_path, lambda name: False)
    assert [(entry.name, entry.reason, entry.escape) for entry in tree.rejected] == [
        ("out", Rejection.SYMLINK, True),
        ("a\\u000ab", Rejection.NAME, False),
        ("c", Rejection.NOT_DECLARED, False),
    ]


@pytest.mark.parametrize("name", ["..\\..\\evil", "a\\b", "C:evil", "d:"])
def test_names_that_lead_elsewhere_on_windows_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    (tmp_path / "12:30:05.csv").write_text("x")
    tree = found(tmp_path)
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
    assert found(tmp_path).rejected == (Rejected("null", Rejection.SPECIAL, escape=True),)


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


@pytest.mark.parametrize("names", [150, 5000])
def test_attempts_to_escape_are_listed_before_the_cut(names: int) -> None:
    tree = walk.Tree()
    tree.reject("z", Rejection.SYMLINK, escape=True)
    for number in reversed(range(names)):
        tree.reject(f"{number:04}", Rejection.SPECIAL)
    assert (len(tree.rejected), tree.rejections) == (100, names + 1)
    assert [entry.name for entry in tree.rejected[:3]] == ["z", "0000", "0001"]


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


def test_a_private_result_becomes_readable_among_many_in_long_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path
    for _ in range(10):
        folder /= "n" * 250
        folder.mkdir()
    for number in range(2000):
        (folder / str(number)).mkdir()
    (folder / "0" / "result").touch(0o600)
    tracemalloc.start()
    try:
        readable.make_readable(str(tmp_path), 30)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stat.S_IMODE((folder / "0" / "result").stat().st_mode) == 0o644
    assert peak < 1 << 20  # with the whole path for each folder: 5 MiB, and the runner has little


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
        tally.bytes[0] = written[0]
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


def raise_(error: Exception) -> None:
    raise error


class TestOutOfSight:
    """Files that nobody can look at are charged by what the file system has lost; others' are not."""

    @pytest.fixture
    def rooms(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[int, Room]]:
        rooms: list[dict[int, Room]] = []
        monkeypatch.setattr("fumehood_sandbox.disk.rooms", lambda roots: rooms[-1])
        return rooms

    @staticmethod
    def measure(root: Path, processes: list[int], rooms: list[dict[int, Room]]) -> DiskMeter:
        """Measure with one more file, while the file system lost much more."""
        device = root.stat().st_dev
        rooms.append({device: Room(100 << 20, 900), -1: Room(0, 0)})
        found = DiskMeter([str(root)], lambda: processes, Room(1 << 30, 1000))
        (root / "f").write_bytes(bytes(4096))
        rooms.append({device: Room(60 << 20, 400), -1: Room(0, 0)})
        for _ in range(4):
            found.measure(5)
            assert found.used < 1 << 20, "what is out of sight for a moment is not hidden"
        found.measure(5)
        return found

    def test_who_hides_nothing_is_not_charged_for_others(self, tmp_path: Path, rooms: list[dict[int, Room]]) -> None:
        with (tmp_path / "held").open("w+b") as file:
            (tmp_path / "held").unlink()
            file.write(bytes(4096))
            file.flush()
            with mmap.mmap(file.fileno(), 4096):  # held open as well, so all of it is seen
                found = self.measure(tmp_path, [os.getpid()], rooms)
        assert 8192 <= found.used < 1 << 20  # this process may hold other files without a name, of the test's runner
        assert 2 <= found.files < 20

    def test_a_file_on_its_way_through_a_socket(self, tmp_path: Path, rooms: list[dict[int, Room]]) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(ours, [b"x"], [0])
            found = self.measure(tmp_path, [os.getpid()], rooms)
        assert (found.used, found.files) == (40 << 20, 500)

    def test_a_folder_that_is_too_deep(self, tmp_path: Path, rooms: list[dict[int, Room]], monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "1" / "2" / "3").mkdir(parents=True)
        monkeypatch.setattr("fumehood_sandbox.tree._SPARE", resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 3)
        found = self.measure(tmp_path, [], rooms)
        assert (found.used, found.files) == (40 << 20, 500)

    def test_what_is_out_of_sight_now_and_then_is_not_hidden(self, tmp_path: Path, rooms: list[dict[int, Room]]) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(ours, [b"x"], [0])
            device = tmp_path.stat().st_dev
            rooms.append({device: Room(100 << 20, 900)})
            processes = [os.getpid()]
            found = DiskMeter([str(tmp_path)], lambda: processes, Room(1 << 30, 1000))
            rooms.append({device: Room(60 << 20, 400)})
            for number in range(12):
                processes[:] = [] if number % 5 == 4 else [os.getpid()]
                found.measure(5)
                assert found.used < 1 << 20

    def test_who_is_about_to_end_hides_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and stays until it is asked for
        try:
            monkeypatch.setattr(os, "listdir", lambda path: raise_(PermissionError(path)))  # as for everyone but root
            assert list(descriptors.unnamed(f"/proc/{child}/task/{child}/fd", {0})) == []
            assert list(descriptors.unnamed(f"/proc/{os.getpid()}/task/{os.getpid()}/fd", {0})) == [None]
        finally:
            os.waitpid(child, 0)

    def test_a_process_that_has_ended_hides_nothing(self, tmp_path: Path, rooms: list[dict[int, Room]]) -> None:
        found = self.measure(tmp_path, [1 << 30], rooms)
        assert (found.used, found.files) == (4096, 1)
