"""What an attempt gets from the store, and what it hands to it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile

from fumehood_sandbox import wire
from fumehood_sandbox.wire import Ending, Fault, Rejection
from unit.fumehood_sandbox.pod import DEADLINES, Pod, reasons

# Inputs


def test_inputs_are_fetched_checked_and_read_only(pod: Pod) -> None:
    pod.store.gets["/in.csv"] = b"1,2\n"
    digest = hashlib.sha256(b"1,2\n").hexdigest()
    inputs = (
        wire.File("data/in.csv", remote=pod.remote("/in.csv"), sha256=f"sha256:{digest}"),
        wire.File("parameters.json", text='{"window": 12}'),
    )
    program = "print(open('/inputs/data/in.csv').read().strip(), open('/inputs/parameters.json').read())"
    manifest = pod.run(program, inputs=inputs)
    assert manifest.stdout is not None
    assert manifest.stdout.tail == '1,2 {"window": 12}\n'


def test_what_is_staged_bears_one_date_so_that_archives_of_it_are_the_same(pod: Pod) -> None:
    inputs = (wire.File("deep/er/in.csv", text="1"), wire.File("deep/other.csv", text="2"))
    program = (
        "import os, zipfile\n"
        "print(*sorted({int(os.stat(p).st_mtime) for p in ('main.py', '/inputs/deep', '/inputs/deep/er', '/inputs/deep/er/in.csv')}))\n"
        "with zipfile.ZipFile('/outputs/all.zip', 'w') as archive:\n"
        "    for path in ('/inputs/deep', '/inputs/deep/er/in.csv', '/inputs/deep/other.csv'):\n"
        "        archive.write(path)\n"
    )
    manifest = pod.run(program, inputs=inputs)
    assert manifest.stdout is not None
    assert manifest.stdout.tail == f"{wire.EPOCH}\n"
    (archive,) = manifest.artifacts
    expected = io.BytesIO()
    with zipfile.ZipFile(expected, "w") as mine:
        for name, text, mode in (
            ("inputs/deep/", "", 0o40755),
            ("inputs/deep/er/in.csv", "1", 0o100444),
            ("inputs/deep/other.csv", "2", 0o100444),
        ):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = mode << 16 | (0x10 if name.endswith("/") else 0)
            mine.writestr(entry, text)
    assert archive.digest == "sha256:" + hashlib.sha256(expected.getvalue()).hexdigest()


def staged(pod: Pod, **fields: object) -> wire.Claim:
    pod.store.gets["/in.csv"] = b"1,2\n"
    file = wire.File("in.csv", **{"remote": pod.remote("/in.csv"), **fields})  # type: ignore[arg-type]
    manifest = pod.run("open('/outputs/ran', 'w')", inputs=(file,))
    assert not manifest.artifacts, "the program ran"
    assert manifest.claim.ending is Ending.NOT_STARTED
    assert not manifest.complete
    return manifest.claim


def test_an_input_with_another_digest(pod: Pod) -> None:
    assert staged(pod, sha256="sha256:" + "0" * 64).fault is Fault.INPUT_DIGEST


def test_an_input_that_is_missing(pod: Pod) -> None:
    assert staged(pod, remote=pod.remote("/none")).fault is Fault.INPUT_MISSING


def test_inputs_that_are_too_large_together_say_how_much(pod: Pod) -> None:
    most = 64 << 20
    pod.store.gets |= {"/a": bytes(40 << 20), "/b": bytes(30 << 20)}
    inputs = tuple(wire.File(name, remote=pod.remote(f"/{name}")) for name in ("a", "b"))
    claim = pod.run("open('/outputs/ran', 'w')", inputs=inputs, limits={"disk": most}).claim
    assert (claim.ending, claim.fault, claim.detail) == (Ending.NOT_STARTED, Fault.INPUT_TOO_LARGE, "b")
    assert claim.breach == wire.Breach(wire.Limit.DISK, most, 70 << 20)


def test_a_program_that_is_missing(pod: Pod) -> None:
    claim = pod.run(("main.py",), source=(wire.File("main.py", remote=pod.remote("/none")),)).claim
    assert (claim.ending, claim.fault) == (Ending.NOT_STARTED, Fault.SOURCE_MISSING)


def test_an_input_that_is_refused(pod: Pod) -> None:
    pod.store.faults = [403]
    assert staged(pod).fault is Fault.STORE_REFUSED


def test_a_name_that_leads_elsewhere_is_not_staged(pod: Pod) -> None:
    manifest = pod.run("pass", inputs=(wire.File("../work/x", text="x"),))
    assert manifest.claim.fault is Fault.INTERNAL
    assert not (pod.base / "work" / "x").exists()


# The store


def test_a_store_that_fails_twice_is_asked_again(pod: Pod) -> None:
    pod.store.faults = [500, 503]
    assert pod.run("open('/outputs/a', 'w').write('x')").complete


def test_a_store_that_refuses(pod: Pod) -> None:
    pod.store.faults = [403]
    collector, runner = pod.start_collector(pod.order("pass")), pod.start_runner()
    code, said = collector.wait()
    assert (code, said, pod.seal().fault, pod.seal().digest) == (1, "", Fault.STORE_REFUSED, None)
    assert runner.wait()[0] == 0


def test_a_store_that_is_down(pod: Pod) -> None:
    order = pod.order("pass", deadlines=dataclasses.replace(DEADLINES, harvest=1, sealing=1))
    pod.store.stop()
    collector, _ = pod.start_collector(order), pod.start_runner()
    assert collector.wait()[0] == 1
    seal = pod.seal()
    assert (seal.uid, seal.attempt, seal.fault) == ("uid-1", 1, Fault.STORE_UNREACHABLE)
    assert seal.detail in ("connect: ConnectionRefusedError", "the deadline is over")  # the latter if no try was in time


def test_an_artifact_that_the_permit_does_not_cover(pod: Pod) -> None:
    pod.store.max_size = 5000
    manifest = pod.run("open('/outputs/a', 'w').write('x' * 6000); open('/outputs/b', 'w').write('x')")
    assert reasons(manifest) == {"a": Rejection.SIZE}
    assert [artifact.name for artifact in manifest.artifacts] == ["b"]
