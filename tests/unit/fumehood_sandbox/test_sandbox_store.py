"""Staging and upload against the small object store."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fumehood_sandbox import faults, staging, transport
from fumehood_sandbox.faults import StoreError, Unavailable
from fumehood_sandbox.upload import Store, TooLarge
from fumehood_sandbox.wire import Breach, Fault, File, Limit, Permit, Remote
from unit.fumehood_sandbox.objectstore import ObjectStore
from unit.fumehood_sandbox.pod import LONG


@pytest.fixture
def server(store: ObjectStore) -> Iterator[ObjectStore]:
    store.start()
    yield store
    store.stop()


def permit(server: ObjectStore, **changes: object) -> Permit:
    values = {"url": f"http://127.0.0.1:{server.port}/b", "host": "s.example", "prefix": server.prefix, "fields": dict(server.fields)}
    return Permit(**{**values, **changes})  # type: ignore[arg-type]


def put(store: Store, content: bytes, name: str = "x") -> str:
    return store.put(name, "text/plain", hashlib.sha256(content).digest(), len(content), lambda: (content,))


def later() -> float:
    return time.monotonic() + LONG


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes in pauses alone, so that any number of tries fits between them."""
    now = [time.monotonic()]
    pause = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(faults, "time", pause)


def test_one_connection_for_many_objects(server: ObjectStore) -> None:
    store = Store(permit(server), later())
    keys = [put(store, content, content.hex()) for content in (b"a", b"", b"c" * (3 << 20))]
    first = store._connection
    assert put(store, b"d", "d") == server.prefix + "d"
    assert store._connection is first
    assert [len(server.objects[key]) for key in keys] == [1, 0, 3 << 20]
    store.close()


def test_fields_of_the_permit_do_not_replace_ours(server: ObjectStore) -> None:
    store = Store(permit(server, fields={**server.fields, "Key": "elsewhere", "content-type": "text/html"}), later())
    assert server.types[put(store, b"a")] == "text/plain"


def test_another_prefix_is_refused_at_once(server: ObjectStore) -> None:
    with pytest.raises(StoreError) as caught:
        put(Store(permit(server, prefix="lab/uid-2/1/"), later()), b"a")
    assert (caught.value.fault, len(server.requests)) == (Fault.STORE_REFUSED, 1)


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again(server: ObjectStore, status: int) -> None:
    server.faults = [status]
    put(Store(permit(server), later()), b"a")
    assert len(server.requests) == 2


def test_trying_again_ends_with_the_deadline(server: ObjectStore, clock: None) -> None:
    server.faults = [500] * 1000
    with pytest.raises(Unavailable):
        put(Store(permit(server), faults.time.monotonic() + 20), b"a")
    assert 3 < len(server.requests) < 30


def test_too_large(server: ObjectStore) -> None:
    server.max_size = 1
    with pytest.raises(TooLarge):
        put(Store(permit(server), later()), b"ab")


def test_a_stream_that_fails_stores_nothing(server: ObjectStore) -> None:
    def stream() -> Iterator[bytes]:
        yield b"a" * 100
        raise KeyError

    store = Store(permit(server), later())
    with pytest.raises(KeyError):
        store.put("x", "text/plain", b"", 200, stream)
    assert put(store, b"b")
    assert list(server.objects.values()) == [b"b"]


def test_messages_name_no_place(server: ObjectStore, clock: None) -> None:
    port = server.port
    server.stop()
    with pytest.raises(Unavailable) as caught:
        put(Store(permit(server), later()), b"a")
    assert str(port) not in caught.value.detail
    assert "127" not in caught.value.detail


@pytest.fixture
def secured(server: ObjectStore, tmp_path: Path) -> Path:
    """The certificate of a store that speaks TLS, as s.example."""
    return server.secure(tmp_path)


def test_the_certificate_is_that_of_the_host_not_of_the_address(server: ObjectStore, secured: Path) -> None:
    url, ca = f"https://127.0.0.1:{server.port}/b", secured.read_text()
    assert put(Store(permit(server, url=url, host="s.example:9000", ca=ca), later()), b"a")
    for wrong in ({"host": "other.example", "ca": ca}, {"host": "s.example", "ca": None}):
        with pytest.raises(StoreError, match="certificate"):
            put(Store(permit(server, url=url, **wrong), later()), b"a")


def test_without_a_given_authority_those_of_the_payload_are_trusted(
    server: ObjectStore, secured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "AUTHORITIES", str(secured))
    url = f"https://127.0.0.1:{server.port}/b"
    assert put(Store(permit(server, url=url, host="s.example"), later()), b"a")
    with pytest.raises(StoreError, match="certificate"):
        put(Store(permit(server, url=url, host="other.example"), later()), b"a")


def stage(tmp_path: Path, *files: File, most: int = 1000) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    staging.stage(files, str(root), most, {False: None}, later(), lambda: False)
    return root


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        root = stage(tmp_path, File("a/b/c", text="x"), File("a/d", text="y"))
    finally:
        os.umask(before)
    assert [oct((root / name).stat().st_mode & 0o777) for name in ("a", "a/b", "a/b/c", "a/d")] == ["0o755", "0o755", "0o444", "0o444"]


@pytest.mark.parametrize("name", ["", "/x", "../x", "a/../x", "a//x", "./x", "a/", "x\0y", "n" * 256, "d/" * 600 + "x"])
def test_names_that_are_not_staged(tmp_path: Path, name: str) -> None:
    with pytest.raises(staging.StagingError):
        stage(tmp_path, File(name, text="x"))


def test_a_name_given_twice(tmp_path: Path) -> None:
    with pytest.raises(staging.StagingError, match="twice"):
        stage(tmp_path, File("x", text="x"), File("x", text="y"))


def test_links_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "d").symlink_to("/tmp")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        staging.stage((File("d/x", text="x"),), str(root), 10, {False: None}, later(), lambda: False)


def test_an_input_is_had_after_two_failures(server: ObjectStore, tmp_path: Path) -> None:
    server.gets["/i"] = b"content"
    server.faults = [500, 503]
    root = stage(tmp_path, File("i", remote=Remote(f"http://127.0.0.1:{server.port}/i?sig=1", "s.example")))
    assert (root / "i").read_bytes() == b"content"


def remote(server: ObjectStore, path: str) -> Remote:
    return Remote(f"http://127.0.0.1:{server.port}{path}", "s.example")


@pytest.mark.parametrize(("sizes", "measured"), [((11,), 11), ((4097, 4096), 3 * 4096), ((1, 1, 1), 2 * 4096 + 1)])
def test_all_that_is_fetched_has_one_cap(server: ObjectStore, tmp_path: Path, sizes: tuple[int, ...], measured: int) -> None:
    server.gets |= {f"/{at}": b"x" * size for at, size in enumerate(sizes)}
    most = 10 if len(sizes) == 1 else 2 * 4096
    with pytest.raises(staging.StagingError) as caught:
        stage(tmp_path, *(File(f"f{at}", remote=remote(server, f"/{at}")) for at in range(len(sizes))), most=most)
    assert (caught.value.fault, caught.value.detail) == (Fault.INPUT_TOO_LARGE, f"f{len(sizes) - 1}")
    assert caught.value.breach == Breach(Limit.DISK, most, measured)
    assert sum(path.stat().st_size for path in (tmp_path / "root").iterdir()) <= most


def test_what_came_with_the_order_takes_no_room_from_what_is_fetched(server: ObjectStore, tmp_path: Path) -> None:
    server.gets["/i"] = b"x" * 10
    root = stage(tmp_path, File("text", text="y" * 100), File("i", remote=remote(server, "/i")), most=10)
    assert (root / "i").stat().st_size == 10


def test_retry_stops_when_told_to() -> None:
    tries = []

    def action() -> None:
        tries.append(1)
        raise Unavailable("x")

    with pytest.raises(Unavailable):
        faults.retry(action, later(), lambda: True)
    assert len(tries) == 1
