"""Whatever counts changes the key, whatever does not leaves it: a key too few gives a wrong result away."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood.api.v1alpha1 import UserNamespaces
from fumehood.core import cachekey, plan
from fumehood.core.cachekey import Unknown
from fumehood.core.egress import Grant
from fumehood.core.material import Found, PlannedFile
from fumehood_sandbox import wire
from unit.fumehood.builders import DIGEST, describing, environment, job

DEADLINES = wire.Deadlines(60, 120, 300)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)


def planned(offer: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, attempt: int = 1, **spec: Any) -> plan.Plan:
    one = job(None, metadata, **spec)
    return plan.make_plan(one, environment(**(offer or {})), attempt, describing("python3", "main.py", *one.spec.args), Found(), DEADLINES)


def key(offer: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, attempt: int = 1, **spec: Any) -> str:
    return cachekey.key(planned(offer, metadata, attempt, **spec), job(None, metadata, **spec).spec)


def files(**texts: str) -> dict[str, Any]:
    return {"entrypoint": "main.py", "files": {"main.py": "print(1)"} | {f"{name}.py": text for name, text in texts.items()}}


@pytest.mark.parametrize(
    "spec",
    [
        {"args": ["x"]},
        {"args": ["x", ""]},
        {"parameters": {"a": 1}},
        {"parameters": {"a": 1.0}},
        {"parameters": {}},
        {"seed": 0},
        {"seed": 1},
        {"previews": "Off"},
        {"outputs": [{"path": "*.png", "kind": "plot"}]},
        {"outputs": [{"path": "*.png", "kind": "export"}]},
        {"outputs": [{"path": "*.png", "kind": "plot"}, {"path": "*", "kind": "export"}]},
        {"outputs": [{"path": "*", "kind": "export"}, {"path": "*.png", "kind": "plot"}]},
        {"source": files(a="")},
        {"source": files(b="")},
        {"source": files(a=" ")},
        {"source": files(a="") | {"entrypoint": "a.py"}},
        {"inputs": [{"name": "a", "inline": {"text": ""}}]},
        {"inputs": [{"name": "b", "inline": {"text": ""}}]},
        {"inputs": [{"name": "a", "inline": {"text": "a"}}]},
        {"inputs": [{"name": "a", "s3": {"uri": "s3://data/a", "sha256": "a" * 64}}]},
        {"inputs": [{"name": "a", "s3": {"uri": "s3://data/a", "sha256": "b" * 64}}]},
        *(
            {"limits": {name: value}}
            for name, value in {
                "cpu": "1500m",
                "memory": "1Gi",
                "disk": "1Gi",
                "output": "2Mi",
                "processes": 7,
                "openFiles": 77,
                "fileSize": "1Mi",
                "files": 77,
                "artifacts": 7,
                "artifactBytes": "1Mi",
            }.items()
        ),
    ],
    ids=str,
)
def test_each_of_these_is_another_job(spec: dict[str, Any]) -> None:
    others = {key(), key(args=["y"]), key(source=files(z="z"))}
    assert key(**spec) not in others


def test_no_two_of_many_jobs_are_the_same() -> None:
    specs: list[dict[str, Any]] = [
        {},
        {"args": ["a b"]},
        {"args": ["a", "b"]},
        {"args": ["ab"]},
        {"parameters": "1"},
        {"parameters": 1},
        {"seed": 1},
        {"inputs": [{"name": "a/b", "inline": {"text": ""}}]},
        {"inputs": [{"name": "a", "inline": {"text": "b"}}]},
        {"source": files(a="b")},
        {"inputs": [{"name": "a.py", "inline": {"text": "b"}}]},
    ]
    assert len({key(**spec) for spec in specs}) == len(specs)


@pytest.mark.parametrize(
    "offer",
    [
        {"image": "registry.example/python@sha256:" + "c" * 64},
        {"envVersion": "python-2026.12"},
        {"adapter": "command"},
        {"env": {"A": "1"}},
        {"onViolation": "Record"},
        {"runtimeClassName": "gvisor"},
        {"userNamespaces": "Off"},
        {"defaults": {"memory": "1Gi"}},
        {"maximums": {"memory": "1Mi"}},
    ],
    ids=str,
)
def test_another_environment_makes_another_job(offer: dict[str, Any]) -> None:
    # Which adapter describes a program is the caller's; what it says of itself is in the plan.
    one = planned(offer)
    if "adapter" in offer:
        one = replace(one, provenance=replace(one.provenance, adapter=offer["adapter"]))
    assert cachekey.key(one, job().spec) != key()


@pytest.mark.parametrize(
    "same",
    [
        pytest.param({"metadata": {"name": "another", "uid": "22222222-3b4a-4c5d-8e6f-7a8b9c0d1e2f"}}, id="name-and-uid"),
        pytest.param({"attempt": 2}, id="attempt"),
        pytest.param({"ttlSecondsAfterFinished": 60}, id="time-to-live"),
        pytest.param({"cache": "Reuse"}, id="cache"),
        pytest.param({"replayOf": "other"}, id="replay"),
        pytest.param({"schemaVersion": "1.7"}, id="newer-minor"),
        pytest.param({"environment": "python@2026.11"}, id="environment-pinned"),
        pytest.param({"limits": {"wallClock": "7s", "cpuTime": "7s", "harvest": "7s"}}, id="limits-of-time"),
        pytest.param({"limits": {"memory": "524288Ki", "cpu": "1000m"}}, id="limits-spelt-otherwise"),
        pytest.param({"offer": {"image": "mirror.example/py@" + DIGEST}}, id="image-from-elsewhere"),
        pytest.param({"offer": {"deprecated": {"message": "x"}, "description": "x", "default": True}}, id="words-of-the-environment"),
    ],
)
def test_these_are_the_same_job(same: dict[str, Any]) -> None:
    assert key(**same) == key()


def test_an_input_is_its_content_wherever_it_comes_from() -> None:
    text = "a,b\n1,2\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    given = [
        [{"name": "x", "inline": {"text": text}}],
        [{"name": "x", "inline": {"text": text}, "sha256": digest}],
        [{"name": "x", "s3": {"uri": "s3://data/1", "sha256": digest}}],
        [{"name": "x", "s3": {"uri": "s3://data/2"}, "sha256": f"sha256:{digest}"}],
    ]
    assert len({key(inputs=inputs) for inputs in given}) == 1


names = st.text("abcdefgh", min_size=1, max_size=8)


@given(st.dictionaries(names, st.text(max_size=20), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_what_has_none_does_not_count(texts: dict[str, str], random: Any) -> None:
    shuffled = list(texts.items())
    random.shuffle(shuffled)
    inputs = [{"name": name, "inline": {"text": text}} for name, text in texts.items()]
    mixed = [{"name": name, "inline": {"text": text}} for name, text in shuffled]
    one = key(offer={"env": {name: "1" for name in texts}}, source=files(**texts), parameters=texts, inputs=inputs)
    other = key(offer={"env": {name: "1" for name, _ in shuffled}}, source=files(**dict(shuffled)), parameters=dict(shuffled), inputs=mixed)
    assert one == other


@given(st.dictionaries(names, DIGESTS, min_size=1, max_size=5), st.data())
def test_any_change_of_any_input_counts(digests: dict[str, str], data: st.DataObject) -> None:
    def inputs(given: dict[str, str]) -> list[dict[str, Any]]:
        return [{"name": name, "s3": {"uri": f"s3://data/{name}"}, "sha256": digest} for name, digest in given.items()]

    changed = data.draw(st.sampled_from(sorted(digests)))
    other = digests | {changed: data.draw(DIGESTS.filter(lambda digest: digest != digests[changed]))}
    fewer = {name: digest for name, digest in digests.items() if name != changed}
    assert len({key(inputs=inputs(given)) for given in (digests, other, fewer)}) == 3


# Of a plan, what tells jobs apart that may have the same result; each with the reason why it does not count.
NOT_COUNTED = {
    "subject": "whose job it is",
    "user_id": "made of the job's UID",
    "environment": "its name; image and envVersion count",
    "deadlines": "the operator's patience",
    "egress": "a job with a way out has no key",
}
OTHER: dict[str, Any] = {
    "image": "x@sha256:" + "d" * 64,
    "runtime_class": "other",
    "user_namespaces": UserNamespaces.REQUIRED,
    "env_version": "other",
    "command": wire.Command(("other",), {}),
    "preview": wire.Command(("other",), {}),
    "source": (PlannedFile("other", text=""),),
    "inputs": (PlannedFile("other", data=b""),),
    "outputs": (wire.OutputRule("other", "plot"),),
    "ignored": ("other",),
    "provenance": wire.Provenance("other"),
    "record_violations": True,
}


@pytest.mark.parametrize("field", [field.name for field in fields(plan.Plan)])
def test_every_field_of_a_plan_counts_unless_there_is_a_reason(field: str) -> None:
    one, spec = planned(), job().spec
    if field in NOT_COUNTED:
        return
    if field == "granted":
        for limit in fields(wire.Limits):
            other = replace(one.granted, enforced=replace(one.granted.enforced, **{limit.name: 3}))
            counts = limit.name not in ("wall_clock", "cpu_time")
            assert (cachekey.key(replace(one, granted=other), spec) != key()) is counts, limit.name
        other = replace(one.granted, cpu=Decimal("0.5"))
    else:
        other = OTHER[field]
    assert cachekey.key(replace(one, **{field: other}), spec) != key()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"inputs": [{"name": "x.csv", "s3": {"uri": "s3://data/x"}}]}, "the file 'x.csv' has no sha256"),
        ({"source": {"entrypoint": "main.py", "s3": {"uri": "s3://data/x"}}}, "the file 'main.py' has no sha256"),
        (
            {"inputs": [{"name": "x", "inline": {"text": "x"}, "sha256": "0" * 64}]},
            "the file 'x' has another sha256 than the job gives",  # the job must run, and fail for it
        ),
    ],
)
def test_what_is_not_known_before_the_job_runs_is_named(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(Unknown) as caught:
        key(**spec)
    assert str(caught.value) == said
    assert cachekey.keyed(planned(**spec), job(**spec).spec).provenance.key == ""


def test_a_way_out_makes_a_result_that_nobody_else_gets() -> None:
    with pytest.raises(Unknown, match=r"spec\.egress"):
        cachekey.key(replace(planned(), egress=Grant("web", (), ())), job().spec)


def test_the_manifest_will_repeat_the_key() -> None:
    one = cachekey.keyed(planned(), job().spec)
    assert one.provenance.key == key()
    assert key().startswith("sha256:") and len(key()) == 71


def test_the_key_is_of_plain_json_and_stays_what_it_is() -> None:
    """Whoever changes what a key is made of gives every result away once, and counts cachekey.VERSION up."""
    contents = cachekey.contents(planned(), job().spec)
    assert json.loads(json.dumps(contents, allow_nan=False)) == contents
    assert sorted(contents) == [
        "adapter",
        "args",
        "command",
        "entrypoint",
        "envVersion",
        "ignored",
        "image",
        "inputs",
        "isolation",
        "limits",
        "outputs",
        "preview",
        "recordViolations",
        "schema",
        "seed",
        "source",
        "version",
    ]
