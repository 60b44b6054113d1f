from __future__ import annotations

from typing import Any

import pytest

from fumehood.core import material
from fumehood.core.access import Readable
from fumehood.core.failures import Failure, Reason, Refused
from fumehood.core.material import PlannedFile
from fumehood.kube import core_path, job_path
from fumehood.materials import Materials, NotOver, NotThere
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, job, job_document, manifest, seal_of
from unit.fumehood.fakes import FakeCluster, FakeStore

OTHER = "11111111-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
TABLE, PLOT = "sha256:" + "1" * 64, "sha256:" + "2" * 64
HERE = f"s3://fumehood/lab/{OTHER}/1/sha256/"


class Place:
    """A namespace with things that jobs name."""

    def __init__(self) -> None:
        self.cluster, self.store = FakeCluster(), FakeStore()
        self.materials = Materials(self.cluster, self.store, Readable("fumehood", ("data",)))

    def there_is_a_job(self, phase: str = "Succeeded", count: int = 2, attempt: int = 1, digest: str = "sha256:" + "0" * 64) -> None:
        artifacts = [
            {"name": name, "kind": "dataset", "format": "csv", "digest": found, "size": 1, "contentType": "text/csv", "uri": "s3://evil/x"}
            for name, found in (("table.csv", TABLE), ("plot.png", PLOT))
        ]
        result = {"manifest": {"uri": "s3://evil/m", "digest": digest, "complete": True}, "artifactCount": count, "artifacts": artifacts}
        status = {"phase": phase, "attempt": attempt, "result": result}
        metadata = {"name": "earlier", "uid": OTHER}
        self.cluster.seed(job_path("lab", "earlier"), job_document(status if phase != "Running" else {"phase": phase}, metadata))

    async def inputs(self, *inputs: dict[str, Any], **spec: Any) -> tuple[PlannedFile, ...]:
        one = job(inputs=list(inputs), **spec)
        return material.input_files(one, await self.materials.find(one))

    async def source(self, **source: Any) -> tuple[PlannedFile, ...]:
        one = job(source={"entrypoint": "main.py"} | source)
        return material.source_files(one, await self.materials.find(one))

    async def refuses(self, *inputs: dict[str, Any]) -> Failure:
        with pytest.raises(Refused) as caught:
            await self.inputs(*inputs)
        return caught.value.failure


def artifact(**wanted: str) -> dict[str, Any]:
    return {"name": "t.csv", "artifact": {"job": "earlier"} | wanted}


@pytest.mark.parametrize(
    ("wanted", "digest"),
    [
        ({"name": "table.csv"}, TABLE),
        ({"digest": PLOT}, PLOT),
        ({"digest": PLOT.removeprefix("sha256:")}, PLOT),
        ({"name": "plot.png", "digest": PLOT}, PLOT),
    ],
)
async def test_an_artifact_of_an_earlier_job_is_read_where_it_is(wanted: dict[str, str], digest: str) -> None:
    place = Place()
    place.there_is_a_job()
    bare = digest.removeprefix("sha256:")
    # The URI is of the job's UID and the digest, whatever its status says.
    assert await place.inputs(artifact(**wanted)) == (PlannedFile("t.csv", uri=HERE + bare, sha256=bare),)


async def test_a_program_may_be_another_jobs_artifact() -> None:
    place = Place()
    place.there_is_a_job()
    (file,) = await place.source(artifact={"job": "earlier", "digest": TABLE})
    assert (file.name, file.uri) == ("main.py", HERE + "1" * 64)


@pytest.mark.parametrize(
    ("wanted", "reason", "words"),
    [
        ({"name": "none.csv"}, Reason.INPUT_MISSING, "job 'earlier' (Failed) has no artifact 'none.csv'"),
        ({"digest": "sha256:" + "9" * 64}, Reason.INPUT_MISSING, "has no artifact with digest sha256:99"),
        ({"name": "table.csv", "digest": PLOT}, Reason.INPUT_DIGEST_MISMATCH, f"has another digest, {TABLE}"),
    ],
)
async def test_an_artifact_that_is_not_there(wanted: dict[str, str], reason: Reason, words: str) -> None:
    place = Place()
    place.there_is_a_job("Failed")
    failure = await place.refuses(artifact(**wanted))
    assert failure.reason is reason
    assert words in failure.message
    assert "spec.inputs[0].artifact" in failure.message


async def test_a_job_that_is_not_there() -> None:
    with pytest.raises(NotThere) as caught:
        await Place().inputs(artifact(name="table.csv"))
    failure = caught.value.refused.failure
    assert (failure.reason, failure.evidence.entry) == (Reason.INPUT_MISSING, "earlier")


async def test_a_job_that_is_not_over_is_waited_for() -> None:
    place = Place()
    place.there_is_a_job("Running")
    with pytest.raises(NotOver) as caught:
        await place.inputs(artifact(name="table.csv"))
    assert caught.value.key == ("lab", "earlier")


def long_manifest() -> wire.Manifest:
    found = tuple(wire.Artifact(f"{n:03}.csv", "dataset", "csv", "text/csv", f"sha256:{n:064x}", 1, "k") for n in range(80))
    return manifest(subject=wire.Subject("lab", "earlier", OTHER, 1), artifacts=found)


async def test_an_artifact_that_a_status_has_no_room_for_is_found_in_the_manifest() -> None:
    place = Place()
    raw, seal = seal_of(long_manifest())
    assert seal.digest is not None
    place.there_is_a_job(count=80, digest=seal.digest)
    place.store.objects[f"lab/{OTHER}/1/manifest.json"] = raw
    (file,) = await place.inputs(artifact(name="077.csv"))
    assert file.uri == HERE + f"{77:064x}"


async def test_a_manifest_that_is_another_one_is_not_believed() -> None:
    place = Place()
    raw, _ = seal_of(long_manifest())
    place.there_is_a_job(count=80)
    place.store.objects[f"lab/{OTHER}/1/manifest.json"] = raw
    failure = await place.refuses(artifact(name="077.csv"))
    assert failure.message == "the manifest of job 'earlier' is gone or was changed"


async def test_a_folder_is_all_objects_below_it() -> None:
    place = Place()
    place.store.objects |= {"data/a.csv": b"", "data/2024 Zürich/b.csv": b"", "other/c.csv": b""}
    files = await place.inputs({"name": "in", "s3": {"uri": "s3://fumehood/data/"}})
    assert [(file.name, file.uri) for file in files] == [
        ("in/2024 Zürich/b.csv", "s3://fumehood/data/2024 Zürich/b.csv"),
        ("in/a.csv", "s3://fumehood/data/a.csv"),
    ]


async def test_a_program_may_be_a_folder() -> None:
    place = Place()
    place.store.objects |= {"code/main.py": b"", "code/lib/x.py": b""}
    assert {file.name for file in await place.source(s3={"uri": "s3://fumehood/code/"})} == {"main.py", "lib/x.py"}


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "a//b", "/a", "a/", "bell\x07", "x" * 300, "ü" * 128, "d/" * 15 + "x", "\u202egnp.exe", "\ud800", "a\nb"],
)
async def test_an_object_whose_name_leads_elsewhere_is_refused(name: str) -> None:
    place = Place()
    place.store.objects |= {f"data/{name}": b""}
    failure = await place.refuses({"name": "in", "s3": {"uri": "s3://fumehood/data/"}})
    assert failure.reason is Reason.SPEC_INVALID


async def test_an_empty_folder_is_missing() -> None:
    failure = await Place().refuses({"name": "in", "s3": {"uri": "s3://fumehood/none/"}})
    assert failure.reason is Reason.INPUT_MISSING


async def test_too_many_objects_are_refused_with_the_number() -> None:
    place = Place()
    place.store.objects |= {f"data/{n}": b"" for n in range(1001)}
    failure = await place.refuses({"name": "in", "s3": {"uri": "s3://fumehood/data/"}})
    assert (failure.reason, failure.evidence.allowed) == (Reason.SPEC_INVALID, "1000")


@pytest.mark.parametrize("key", [f"other/{UID}/1/manifest.json", f"other/cache/{UID}/{'a' * 64}"])
async def test_a_folder_with_another_namespaces_results_looks_as_if_it_were_empty(key: str) -> None:
    place = Place()
    place.store.objects |= {key: b"{}"}
    with_results = await place.refuses({"name": "in", "s3": {"uri": "s3://fumehood/other/"}})
    without = await place.refuses({"name": "in", "s3": {"uri": "s3://fumehood/third/"}})
    assert with_results.reason is without.reason is Reason.INPUT_MISSING
    assert with_results.message.replace("other", "third") == without.message
    assert UID not in with_results.message


async def test_a_folder_of_a_bucket_that_is_not_open_is_not_even_listed() -> None:
    place = Place()
    assert (await place.refuses({"name": "in", "s3": {"uri": "s3://secret/x/"}})).reason is Reason.INPUT_NOT_ALLOWED


async def test_config_maps_as_inputs() -> None:
    place = Place()
    config_map = {"metadata": {"name": "data"}, "data": {"a.txt": "a"}, "binaryData": {"b.bin": "AAEC/w=="}}
    place.cluster.seed(core_path("lab", "configmaps", "data"), config_map)
    files = await place.inputs(
        {"name": "one", "configMap": {"name": "data", "key": "b.bin"}, "sha256": "5" * 64}, {"name": "all", "configMap": {"name": "data"}}
    )
    assert files == (
        PlannedFile("one", data=b"\x00\x01\x02\xff", sha256="5" * 64),
        PlannedFile("all/a.txt", text="a"),
        PlannedFile("all/b.bin", data=b"\x00\x01\x02\xff"),
    )


@pytest.mark.parametrize("wanted", [{"name": "none"}, {"name": "data", "key": "none"}])
async def test_config_maps_and_keys_that_are_not_there(wanted: dict[str, str]) -> None:
    place = Place()
    place.cluster.seed(core_path("lab", "configmaps", "data"), {"metadata": {"name": "data"}, "data": {"a": ""}})
    failure = await place.refuses({"name": "x", "configMap": wanted})
    assert failure.reason is Reason.INPUT_MISSING
    assert "'none'" in failure.message


async def test_no_object_takes_the_place_of_an_adapters_files() -> None:
    place = Place()
    place.store.objects |= {"code/main.py": b"", "code/.fumehood/driver.py": b""}
    with pytest.raises(Refused, match=r"'\.fumehood/driver\.py' is no file name"):
        await place.source(s3={"uri": "s3://fumehood/code/"})


@pytest.mark.parametrize("name", ["a: b.csv", "Zürich/2024 (1).csv", "数据.csv", "%2e%2e/x", "d/" * 14 + "x", "-rf", "x/.hidden", "?a=b#c"])
async def test_an_objects_name_is_its_owners_choice(name: str) -> None:
    place = Place()
    place.store.objects |= {f"data/{name}": b""}
    (file,) = await place.inputs({"name": "in", "s3": {"uri": "s3://fumehood/data/"}})
    assert (file.name, file.uri) == (f"in/{name}", f"s3://fumehood/data/{name}")


FOLDER = {"name": "in", "s3": {"uri": "s3://fumehood/data/"}}
TEXT = {"inline": {"text": "x"}}


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ([FOLDER, {"name": "in/a.csv"} | TEXT], "in/a.csv"),
        ([{"name": "in/a.csv"} | TEXT, FOLDER], "in/a.csv"),
        ([FOLDER, {"name": "in"} | TEXT], "in"),
        ([{"name": "in"} | TEXT, FOLDER], "in/a.csv"),
        ([FOLDER, {"name": "in/sub"} | TEXT], "in/sub"),
        ([FOLDER, {"name": "in/a.csv/x"} | TEXT], "in/a.csv/x"),
        ([FOLDER, FOLDER], "in/a.csv"),
        ([{"name": "parameters.json/x"} | TEXT], "parameters.json"),
    ],
)
async def test_inputs_that_collide_are_named(inputs: list[dict[str, Any]], named: str) -> None:
    place = Place()
    place.store.objects |= {"data/a.csv": b"", "data/sub/b.csv": b""}
    with pytest.raises(Refused, match="there twice, or is both a file and a folder") as caught:
        await place.inputs(*inputs, parameters={"a": 1})
    assert (caught.value.failure.reason, caught.value.failure.evidence.entry) == (Reason.SPEC_INVALID, named)


async def test_folders_that_are_put_together_are_one() -> None:
    place = Place()
    place.store.objects |= {"data/a.csv": b"", "more/parameters.json": b""}
    files = await place.inputs(FOLDER, {"name": "in", "s3": {"uri": "s3://fumehood/more/"}}, parameters={"a": 1})
    assert [file.name for file in files] == ["in/a.csv", "in/parameters.json", "parameters.json"]


@pytest.mark.parametrize("key", ["-x", ".hidden", "..a", "...", "x" * 200])
async def test_a_key_that_is_no_file_name_is_refused_by_name(key: str) -> None:
    place = Place()
    place.cluster.seed(core_path("lab", "configmaps", "data"), {"metadata": {"name": "data"}, "data": {key: ""}})
    failure = await place.refuses({"name": "in", "configMap": {"name": "data"}})
    assert failure.reason is Reason.SPEC_INVALID
    assert key[:50] in (failure.evidence.entry or "")


async def test_two_digests_that_differ_are_refused() -> None:
    s3 = {"uri": "s3://fumehood/a.csv", "sha256": "sha256:" + "1" * 64}
    failure = await Place().refuses({"name": "a.csv", "s3": s3, "sha256": "2" * 64})
    assert (failure.reason, failure.evidence.entry) == (Reason.INPUT_DIGEST_MISMATCH, "a.csv")
    (file,) = await Place().inputs({"name": "a.csv", "s3": s3, "sha256": "1" * 64})
    assert file.sha256 == "1" * 64


@pytest.mark.parametrize(
    "wanted", [{"job": "none", "name": "x"}, {"job": "earlier", "name": "none"}, {"job": "earlier", "digest": "9" * 64}]
)
async def test_a_program_that_is_no_artifact_is_missing_as_a_source(wanted: dict[str, str]) -> None:
    place = Place()
    place.there_is_a_job()
    with pytest.raises((Refused, NotThere)) as caught:
        await place.source(artifact=wanted)
    failure = (caught.value.refused if isinstance(caught.value, NotThere) else caught.value).failure
    assert (failure.reason, failure.category) == (Reason.SOURCE_MISSING, "DEPENDENCY_ERROR")
    assert failure.evidence.entry in wanted.values()
