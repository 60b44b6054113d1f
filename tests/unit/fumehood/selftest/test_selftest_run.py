"""Running the corpus: what is created, waited for, read and removed, on a cluster of one dictionary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from fumehood.core.status import result as summary
from fumehood.errors import Invalid, NotFound, Unavailable
from fumehood.selftest import run as running
from fumehood.selftest import table
from fumehood.selftest.cases import Case, CaseFile
from fumehood.selftest.judge import Result
from fumehood.selftest.levels import Level
from fumehood.selftest.run import Range, at_level, run
from fumehood_sandbox import wire

SUCCEEDED = {"phase": "Succeeded"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "INTERVAL", 0.0)
    monkeypatch.setattr(running, "PATIENCE", 300.0)


class Api:
    """Jobs whose statuses come one after the other; the last one stays."""

    def __init__(self, *statuses: dict[str, Any], takes: bool = False) -> None:
        self.statuses = list(statuses)
        self.takes = takes
        self.objects: dict[str, dict[str, Any]] = {}
        self.did: list[str] = []
        self.most = 0

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("dryRun=All"):
            if not self.takes:
                raise Invalid("422: spec.outputs[0].path: must stay below")
            return body
        meta = body["metadata"]
        name = meta.get("name") or f"{meta['generateName']}{len(self.did)}"
        self.did.append(f"create {name}")
        stored = body | {"metadata": meta | {"name": name, "uid": f"uid-{name}", "namespace": "lab"}}
        self.objects[f"{path}/{name}"] = stored
        self.most = max(self.most, len(self.objects))
        return stored

    async def get(self, path: str) -> dict[str, Any]:
        if path.endswith("/analysisenvironments/python"):
            return {"spec": {"image": "i", "runtimeClassName": "kata", "userNamespaces": "Auto"}}
        if not self.statuses:
            raise Unavailable("no answer")
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return self.objects[path] | {"status": status}

    async def delete(self, path: str, uid: str | None = None, grace: int | None = None) -> None:
        self.did.append(f"delete {path.rpartition('/')[2]}")
        del self.objects[path]

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.did.append(f"patch {json.dumps(body)}")
        self.objects[path]["spec"] |= body["spec"]
        return self.objects[path]

    async def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError("it has no right to")


class Store:
    bucket = "b"

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    async def read(self, key: str, max_bytes: int) -> bytes:
        if key not in self.objects:
            raise NotFound(key)
        return self.objects[key]

    def permit(self, prefix: str, max_object: int, lifetime: float) -> wire.Permit:
        raise AssertionError("nothing is signed here")

    def link(self, uri: str, lifetime: float) -> wire.Remote:
        raise AssertionError("nothing is signed here")


def case(name: str = "H01", **fields: Any) -> Case:
    about = {"title": "A title", "attempt": "It tries something.", "expect": {"verdict": "Succeeded"}} | fields
    return Case(name, "x", CaseFile.model_validate(about), {"main.py": "pass"})


async def results(api: Api, *cases: Case, store: Store | None = None, **fields: Any) -> list[Result]:
    return await run(Range(api, store, "lab", "python", **fields), cases, 2, lambda result: None)


async def test_jobs_are_made_judged_and_removed_a_few_at_once() -> None:
    api = Api(SUCCEEDED)
    found = await results(api, *(case(f"H0{number}") for number in range(1, 6)))
    assert [(result.case.id, result.passed) for result in found] == [(f"H0{number}", True) for number in range(1, 6)]
    assert not api.objects
    assert api.most <= 2


async def test_kept_jobs_stay() -> None:
    api = Api(SUCCEEDED)
    await results(api, case(), keep=True)
    assert len(api.objects) == 1


async def test_a_job_that_does_not_end_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PATIENCE", 0.0)
    (found,) = await results(Api({"phase": "Running"}), case())
    assert found.faults == ("Running instead of Succeeded",)
    (silent,) = await results(Api(), case())
    assert silent.faults == ("no answer",)


async def test_each_run_of_a_case_counts() -> None:
    api = Api(SUCCEEDED, {"phase": "Cancelled"})
    (found,) = await results(api, case(runs=2))
    assert found.faults == ("Cancelled instead of Succeeded",)
    assert [did.split()[0] for did in api.did] == ["create", "delete", "create", "delete"]


async def test_a_case_is_cancelled_once_when_it_runs() -> None:
    api = Api({"phase": "Starting"}, {"phase": "Running"}, {"phase": "Running"}, {"phase": "Cancelled"})
    (found,) = await results(api, case(cancel=True, expect={"verdict": "Cancelled"}))
    assert found.passed
    assert [did for did in api.did if did.startswith("patch")] == ['patch {"spec": {"cancel": true}}']


REFUSAL = {"name": "up", "spec": {"outputs": [{"path": "../x", "kind": "plot"}]}, "message": "must stay below"}


@pytest.mark.parametrize(
    ("takes", "message", "fault"),
    [
        (False, "must stay below", ""),
        (True, "must stay below", "up: the API server takes it"),
        (False, "no such", "up: refused for another reason"),
    ],
)
async def test_a_manifest_must_be_refused_for_its_reason(takes: bool, message: str, fault: str) -> None:
    api = Api(takes=takes)
    (found,) = await results(api, case(expect=None, refused=[REFUSAL | {"message": message}]))
    assert found.passed is (not fault)
    assert fault in "".join(found.faults)
    assert not api.did


async def test_what_cannot_exist_is_passed_and_said() -> None:
    (found,) = await results(Api(), case(expect=None, impossible="nothing is unpacked"))
    assert (found.passed, found.verdict) == (True, "cannot exist")


def sealed(**artifact: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    raw = b"good"
    digest = hashlib.sha256(raw).hexdigest()
    fields = {"name": "a.txt", "kind": "export", "format": "text", "content_type": "text/plain", "digest": f"sha256:{digest}", "size": 4}
    found = wire.Artifact(**{**fields, "key": f"p/sha256/{digest}", **artifact})
    times = wire.Times("2026-01-01T00:00:00Z")
    subject = wire.Subject("lab", "selftest-h01-0", "uid-selftest-h01-0", 1)
    manifest = wire.Manifest(1, subject, "python", "1", True, wire.Claim(wire.Ending.EXITED, 0), times, (found,))
    document = wire.encode(manifest)
    status = summary(manifest, "sha256:" + hashlib.sha256(document).hexdigest(), "b", "p/manifest.json")
    return {"phase": "Succeeded", "attempt": 1, "result": status.model_dump(mode="json", by_alias=True)}, {
        "p/manifest.json": document,
        f"p/sha256/{digest}": raw,
    }


async def test_with_a_store_everything_is_read_and_verified() -> None:
    status, objects = sealed()
    (found,) = await results(Api(status), case(expect={"verdict": "Succeeded", "artifacts": ["a.txt"]}), store=Store(objects))
    assert found.passed, found.faults
    (escaped,) = await results(Api(status), case(expect={"verdict": "Succeeded", "never": "goo"}), store=Store(objects))
    assert "artifact 'a.txt' holds 'goo'" in escaped.faults[0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"p/manifest.json": b"{}"}, "the manifest: its bytes"),
        ({name: b"evil" for name in sealed()[1] if "sha256" in name}, "other bytes"),
    ],
)
async def test_bytes_that_are_not_what_was_sealed_are_a_fault(change: dict[str, bytes], fault: str) -> None:
    status, objects = sealed()
    (found,) = await results(Api(status), case(), store=Store(objects | change))
    assert fault in found.faults[0]


async def test_what_the_store_lacks_is_a_fault() -> None:
    status, objects = sealed()
    (found,) = await results(Api(status), case(), store=Store({"p/manifest.json": objects["p/manifest.json"]}))
    assert "lacks an object" in found.faults[0]


async def test_where_no_level_is_asked_for_the_expectation_follows_what_was_found() -> None:
    difference = {"because": "it is another kernel", "expect": {"verdict": "Cancelled"}}
    status = SUCCEEDED | {"sandbox": {"level": "sandboxed", "runtimeClass": "sandboxed", "landlockABI": 0}}
    (found,) = await results(Api(status), case(levels={"gvisor": difference}))
    assert found.faults == ("Succeeded instead of Cancelled",)
    landlocked = SUCCEEDED | {"sandbox": {"level": "userns", "landlockABI": 7}}
    (found,) = await results(Api(landlocked), case(landlock=difference))
    assert found.faults == ("Succeeded instead of Cancelled",)


@pytest.mark.parametrize(
    ("level", "spec"),
    [
        (Level.RUNC, {"image": "i", "userNamespaces": "Off"}),
        (Level.USERNS, {"image": "i", "userNamespaces": "Required"}),
        (Level.GVISOR, {"image": "i", "runtimeClassName": "gvisor", "userNamespaces": "Auto"}),
    ],
)
async def test_a_level_is_a_copy_of_the_environment_for_as_long_as_it_is_needed(level: Level, spec: dict[str, Any]) -> None:
    api = Api()
    async with at_level(api, "python", level) as name:
        (made,) = api.objects.values()
        assert (made["metadata"]["name"], made["spec"]) == (name, spec)
    assert not api.objects


async def test_tables_show_text_as_it_is() -> None:
    api = Api({"phase": "Failed"})
    found = await results(api, case(title="A [bold]title[/bold] | with marks"))
    assert "\\|" in table.report(found)
    assert "FAIL" in table.report(found)
    assert table.screen(found).row_count == 1
