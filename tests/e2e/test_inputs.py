"""Every kind of source and input, each missing or wrong in its own way, and jobs that read what others made."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Cluster, Json, job
from .results import assert_failed, fetch, manifest_of, sha256

pytestmark = pytest.mark.cluster

CHAIN = ROOT / "docs" / "examples" / "chain"
BINARY = bytes(range(256))
WRONG = "sha256:" + "0" * 64
# Copies all that it was given, and tries to change it.
COPY = """
import os, shutil
for folder, _, files in os.walk("/inputs"):
    os.makedirs("/outputs" + folder, exist_ok=True)
    for name in files:
        shutil.copyfile(f"{folder}/{name}", f"/outputs{folder}/{name}")
    for attempt in (lambda: open(folder + "/new", "w"), *(lambda name=name: open(f"{folder}/{name}", "a") for name in files)):
        try:
            attempt()
        except OSError:
            continue
        print("writable", folder)
"""


def archive() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as file:
        file.writestr("inside.txt", "x")
    return raw.getvalue()


class Things:
    """What is there to be named: objects and a ConfigMap."""

    def __init__(self, cluster: Cluster, store: Any, bucket: str) -> None:
        self.folder = f"s3://{bucket}/inputs/{cluster.namespace}/"
        self.objects = {
            "a.csv": b"a,b\n1,2\n",
            "deep/Zürich 1.csv": b"z\n",
            "archive.zip": archive(),
            "code/main.py": b"import lib.words\nprint(lib.words.WORD)\n",
            "code/lib/words.py": b"WORD = 'from a folder'\n",
            "one.py": b"print('from an object')\n",
            "two/a": bytes(600 << 10),
            "two/b": bytes(600 << 10),
            "big": bytes(2 << 20),
        }
        for name, content in self.objects.items():
            key = f"inputs/{cluster.namespace}/{name}"
            store.put_object(bucket, key, io.BytesIO(content), len(content))
        self.keys = {"main.py": b"print('from a ConfigMap')\n", "some.bin": BINARY}
        cluster.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "things"},
                "data": {"main.py": self.keys["main.py"].decode()},
                "binaryData": {"some.bin": base64.b64encode(BINARY).decode()},
            }
        )

    def s3(self, name: str) -> Json:
        return {"uri": self.folder + name}


@pytest.fixture(scope="module")
def things(cluster: Cluster, store: Any, environ: dict[str, str]) -> Things:
    return Things(cluster, store, environ["S3_BUCKET"])


@pytest.fixture(scope="module")
def earlier(cluster: Cluster) -> Json:
    """A finished job with two artifacts: a table and a program."""
    code = "open('/outputs/table.csv', 'w').write('x\\n1\\n'); open('/outputs/next.py', 'w').write('print(\"from an artifact\")')"
    done = cluster.run(job("earlier", code))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    return done


def artifacts(done: Json) -> dict[str, Json]:
    assert done["status"]["phase"] == "Succeeded", done["status"]
    return {artifact["name"]: artifact for artifact in done["status"]["result"]["artifacts"]}


def stdout(store: Any, done: Json) -> str:
    assert done["status"]["phase"] == "Succeeded", done["status"]
    return fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]).decode()


def test_inputs_of_every_kind_arrive_as_they_are_and_cannot_be_changed(cluster: Cluster, store: Any, things: Things, earlier: Json) -> None:
    table = artifacts(earlier)["table.csv"]["digest"]
    inputs = [
        {"name": "inline.txt", "inline": {"text": "grüße"}, "sha256": sha256("grüße".encode())},
        {"name": "one.bin", "configMap": {"name": "things", "key": "some.bin"}, "sha256": sha256(BINARY)},
        {"name": "keys", "configMap": {"name": "things"}},
        {"name": "a.csv", "s3": things.s3("a.csv"), "sha256": sha256(things.objects["a.csv"])},
        {"name": "all", "s3": things.s3("deep/")},
        {"name": "archive.zip", "s3": things.s3("archive.zip")},
        {"name": "by-name.csv", "artifact": {"job": "earlier", "name": "table.csv"}},
        {"name": "by-digest.csv", "artifact": {"job": "earlier", "digest": table}},
        {"name": "by-both.csv", "artifact": {"job": "earlier", "name": "table.csv", "digest": table}, "sha256": table},
    ]
    expected = {
        "inline.txt": "grüße".encode(),
        "one.bin": BINARY,
        "keys/main.py": things.keys["main.py"],
        "keys/some.bin": BINARY,
        "a.csv": things.objects["a.csv"],
        "all/Zürich 1.csv": things.objects["deep/Zürich 1.csv"],
        "archive.zip": things.objects["archive.zip"],
        **dict.fromkeys(("by-name.csv", "by-digest.csv", "by-both.csv"), b"x\n1\n"),
    }
    done = cluster.run(job("every-kind", COPY, inputs=inputs, previews="Off"))
    found = {name.removeprefix("inputs/"): artifact["digest"] for name, artifact in artifacts(done).items()}
    assert found == {name: sha256(content) for name, content in expected.items()}
    assert stdout(store, done) == ""
    told = {file["name"]: (file["digest"], file["size"]) for file in manifest_of(store, done)["inputs"]}
    assert told == {name: (sha256(content), len(content)) for name, content in expected.items()}


@pytest.mark.parametrize("kind", ["folder", "object", "map", "artifact"])
def test_programs_of_every_kind_run(cluster: Cluster, store: Any, things: Things, earlier: Json, kind: str) -> None:
    document = job(f"source-{kind}", "")
    source, said = {
        "folder": ({"s3": things.s3("code/")}, "from a folder"),
        "object": ({"s3": things.s3("one.py") | {"sha256": sha256(things.objects["one.py"])}}, "from an object"),
        "map": ({"configMap": {"name": "things"}}, "from a ConfigMap"),
        "artifact": ({"artifact": {"job": "earlier", "name": "next.py"}}, "from an artifact"),
    }[kind]
    document["spec"]["source"] = {"entrypoint": "main.py"} | source
    assert stdout(store, cluster.run(document)) == said + "\n"


def test_a_chain_that_is_created_all_at_once_and_last_first(cluster: Cluster, store: Any) -> None:
    jobs = [yaml.safe_load((CHAIN / f"{name}.yaml").read_text()) for name in ("report", "summarize", "simulate")]
    cluster.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": jobs}))
    report = cluster.wait("report")
    walk = artifacts(cluster.wait("simulate"))["walk.csv"]
    told = {file["name"]: file["digest"] for file in manifest_of(store, report)["inputs"]}
    assert told["data/walk.csv"] == walk["digest"]
    text = fetch(store, artifacts(report)["report.md"]["uri"]).decode()
    assert text.startswith("# A walk of 1000 steps")


MISSING = {
    "map": ({"configMap": {"name": "none"}}, "none"),
    "map-by-key": ({"configMap": {"name": "none", "key": "x"}}, "in.txt"),
    "key": ({"configMap": {"name": "things", "key": "none"}}, "in.txt"),
    "object": ({"s3": {"uri": "none"}}, "in.txt"),
    "folder": ({"s3": {"uri": "none/"}}, "none/"),
    "job": ({"artifact": {"job": "none", "name": "x"}}, "none"),
    "artifact": ({"artifact": {"job": "earlier", "name": "none"}}, "none"),
    "digest": ({"artifact": {"job": "earlier", "digest": WRONG}}, WRONG),
}


def within(things: Things, wanted: Json) -> Json:
    """Put objects into this module's folder."""
    return {"s3": things.s3(wanted["s3"]["uri"])} if "s3" in wanted else wanted


@pytest.mark.parametrize("name", MISSING)
def test_an_input_that_is_missing_is_a_dependency_and_named(cluster: Cluster, things: Things, earlier: Json, name: str) -> None:
    wanted, entry = MISSING[name]
    document = job(f"missing-{name}", "open('/outputs/ran', 'w')", inputs=[{"name": "in.txt"} | within(things, wanted)])
    failure = assert_failed(cluster.run(document), "DEPENDENCY_ERROR", "InputMissing")
    assert failure["evidence"]["entry"].endswith(entry)


@pytest.mark.parametrize("name", ["map", "object", "folder", "job", "artifact", "digest"])
def test_a_program_that_is_missing_is_a_dependency_and_named(cluster: Cluster, things: Things, earlier: Json, name: str) -> None:
    wanted, entry = MISSING[name]
    document = job(f"no-source-{name}", "")
    document["spec"]["source"] = {"entrypoint": "main.py"} | within(things, wanted)
    failure = assert_failed(cluster.run(document), "DEPENDENCY_ERROR", "SourceMissing")
    assert failure["evidence"]["entry"].endswith("main.py" if name == "object" else entry)


@pytest.mark.parametrize("name", ["inline", "key", "object", "object-itself", "both", "artifact", "artifact-itself"])
def test_a_wrong_digest_starts_nothing(cluster: Cluster, things: Things, earlier: Json, name: str) -> None:
    table = {"job": "earlier", "name": "table.csv"}
    wanted = {
        "inline": {"inline": {"text": "x"}, "sha256": WRONG},
        "key": {"configMap": {"name": "things", "key": "some.bin"}, "sha256": WRONG},
        "object": {"s3": things.s3("a.csv"), "sha256": WRONG},
        "object-itself": {"s3": things.s3("a.csv") | {"sha256": WRONG}},
        "both": {"s3": things.s3("a.csv") | {"sha256": WRONG}, "sha256": sha256(things.objects["a.csv"])},
        "artifact": {"artifact": table, "sha256": WRONG},
        "artifact-itself": {"artifact": table | {"digest": WRONG}},
    }[name]
    done = cluster.run(job(f"wrong-{name}", "open('/outputs/ran', 'w')", inputs=[{"name": "in.txt"} | wanted]))
    failure = assert_failed(done, "VALIDATION_ERROR", "InputDigestMismatch")
    assert failure["evidence"]["entry"] in ("in.txt", "table.csv")
    assert not (done["status"].get("result") or {}).get("artifacts")


def test_a_program_with_a_wrong_digest_does_not_run(cluster: Cluster, things: Things) -> None:
    document = job("wrong-source", "")
    document["spec"]["source"] = {"entrypoint": "main.py", "s3": things.s3("one.py") | {"sha256": WRONG}}
    failure = assert_failed(cluster.run(document), "VALIDATION_ERROR", "InputDigestMismatch")
    assert failure["evidence"]["entry"] == "main.py"


@pytest.mark.parametrize(("wanted", "entry", "measured"), [("big", "in", "2Mi"), ("two/", "in/b", "1.2Mi")])
def test_inputs_above_the_disk_limit_say_how_much(cluster: Cluster, things: Things, wanted: str, entry: str, measured: str) -> None:
    name = f"too-large-{wanted.rstrip('/')}"
    done = cluster.run(job(name, "pass", inputs=[{"name": "in", "s3": things.s3(wanted)}], limits={"disk": "1Mi"}))
    evidence = assert_failed(done, "VALIDATION_ERROR", "InputTooLarge")["evidence"]
    assert evidence == {"entry": entry, "limit": "disk", "allowed": "1Mi", "measured": measured}


@pytest.mark.parametrize("strict", ["true", "false"])
def test_a_secret_cannot_be_named(cluster: Cluster, strict: str) -> None:
    document = job(f"secret-{strict}", "pass", inputs=[{"name": "token", "secret": {"name": "credentials"}}])
    done = cluster.kubectl("create", f"--validate={strict}", "-f", "-", stdin=json.dumps(document), check=False)
    assert done.returncode != 0
    assert ('unknown field "spec.inputs[0].secret"' if strict == "true" else "give exactly one of inline, configMap") in done.stderr
