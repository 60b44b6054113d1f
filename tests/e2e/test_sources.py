"""Where programs and inputs come from, and what cannot run."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from .conftest import Cluster, Json, job
from .results import assert_failed, fetch, sha256

pytestmark = pytest.mark.cluster


def test_inputs_come_from_the_manifest_and_from_the_store(cluster: Cluster, store: Any, environ: dict[str, str]) -> None:
    data = b"a,b\n1,2\n"
    key = f"inputs/{cluster.namespace}/table.csv"
    store.put_object(environ["S3_BUCKET"], key, io.BytesIO(data), len(data))
    uri = f"s3://{environ['S3_BUCKET']}/{key}"
    code = """
import shutil
for name in ("note.txt", "deep/er/table.csv"):
    shutil.copy("/inputs/" + name, "/outputs/" + name.split("/")[-1])
try:
    open("/inputs/note.txt", "a").write("x")
except OSError as error:
    print("read-only", error.errno)
"""
    inputs = [
        {"name": "note.txt", "inline": {"text": "grüße"}, "sha256": hashlib.sha256("grüße".encode()).hexdigest()},
        {"name": "deep/er/table.csv", "s3": {"uri": uri}, "sha256": sha256(data)},
    ]
    done = cluster.run(job("inputs", code, inputs=inputs))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    kept = {artifact["name"]: fetch(store, artifact["uri"]) for artifact in done["status"]["result"]["artifacts"]}
    assert kept == {"note.txt": "grüße".encode(), "table.csv": data}
    assert fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]).startswith(b"read-only")


def test_a_program_from_the_store(cluster: Cluster, store: Any, environ: dict[str, str]) -> None:
    code = b"print('from the store')"
    key = f"inputs/{cluster.namespace}/main.py"
    store.put_object(environ["S3_BUCKET"], key, io.BytesIO(code), len(code))
    document = job("from-store", "")
    document["spec"]["source"] = {"entrypoint": "main.py", "s3": {"uri": f"s3://{environ['S3_BUCKET']}/{key}", "sha256": sha256(code)}}
    done = cluster.run(document)
    assert done["status"]["phase"] == "Succeeded", done["status"]


def test_a_program_from_a_config_map(cluster: Cluster, store: Any) -> None:
    data = {"main.py": "import helper\nprint(helper.WORD)", "helper.py": "WORD = 'hello'"}
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "program"}, "data": data})
    document = job("from-map", "")
    document["spec"]["source"] = {"entrypoint": "main.py", "configMap": {"name": "program"}}
    done = cluster.run(document)
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]) == b"hello\n"


def _wrong_digest(document: Json, bucket: str) -> None:
    document["spec"]["inputs"] = [{"name": "a.txt", "inline": {"text": "a"}, "sha256": "0" * 64}]


def _missing_object(document: Json, bucket: str) -> None:
    document["spec"]["inputs"] = [{"name": "a.txt", "s3": {"uri": f"s3://{bucket}/inputs/not-there"}}]


def _foreign_result(document: Json, bucket: str) -> None:
    uri = f"s3://{bucket}/other/01234567-89ab-cdef-0123-456789abcdef/1/manifest.json"
    document["spec"]["inputs"] = [{"name": "a.txt", "s3": {"uri": uri}}]


def _other_bucket(document: Json, bucket: str) -> None:
    document["spec"]["inputs"] = [{"name": "a.txt", "s3": {"uri": "s3://somebody-elses/a"}}]


def _missing_map(document: Json, bucket: str) -> None:
    document["spec"]["source"] = {"entrypoint": "main.py", "configMap": {"name": "not-there"}}


def _unknown_environment(document: Json, bucket: str) -> None:
    document["spec"]["environment"] = "cobol"


def _newer_major(document: Json, bucket: str) -> None:
    document["spec"]["schemaVersion"] = "2.0"


def _above_maximum(document: Json, bucket: str) -> None:
    document["spec"]["limits"] = {"memory": "100Ti"}


REFUSED = {
    "wrong-digest": (_wrong_digest, "VALIDATION_ERROR", "InputDigestMismatch", "a.txt"),
    "missing-object": (_missing_object, "DEPENDENCY_ERROR", "InputMissing", "a.txt"),
    "foreign-result": (_foreign_result, "VALIDATION_ERROR", "InputNotAllowed", "another namespace"),
    "other-bucket": (_other_bucket, "VALIDATION_ERROR", "InputNotAllowed", "somebody-elses"),
    "missing-map": (_missing_map, "DEPENDENCY_ERROR", "SourceMissing", "not-there"),
    "environment": (_unknown_environment, "VALIDATION_ERROR", "EnvironmentUnknown", "cobol"),
    "major": (_newer_major, "VALIDATION_ERROR", "SchemaVersionUnsupported", "2.0"),
    "maximum": (_above_maximum, "VALIDATION_ERROR", "LimitAboveMaximum", "spec.limits.memory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_run_says_why_and_names_it(cluster: Cluster, environ: dict[str, str], name: str) -> None:
    change, category, reason, shown = REFUSED[name]
    document = job(f"refused-{name}", "open('/outputs/ran', 'w')")
    change(document, environ["S3_BUCKET"])
    done = cluster.run(document)
    failure = assert_failed(done, category, reason)
    assert shown in failure["message"]
    assert not (done["status"].get("result") or {}).get("artifacts")
