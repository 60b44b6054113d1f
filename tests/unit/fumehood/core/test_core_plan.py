from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fumehood.core import material, names, plan
from fumehood.core.failures import Failure, Reason, Refused
from fumehood.core.material import Found
from fumehood.core.program import Description, Program
from fumehood_sandbox import wire
from unit.fumehood.builders import DIGEST, UID, describing, environment, job

DESCRIBE = describing("python3", "main.py", PYTHONUNBUFFERED="1", HOME="/adapter")
DEADLINES = wire.Deadlines(60, 120, 300)
S3 = {"uri": "s3://bucket/key"}


def made(env: dict[str, Any] | None = None, describe: Callable[[Program], Description] = DESCRIBE, **spec: Any) -> plan.Plan:
    one = job(**spec)
    return plan.make_plan(one, environment(**(env or {})), 1, describe, Found(), DEADLINES)


def failure_of(config_map: Any = None, **spec: Any) -> Failure:
    one = job(**spec)
    with pytest.raises(Refused) as caught:
        plan.make_plan(one, environment(), 1, DESCRIBE, Found({"code": config_map} if config_map is not None else {}), DEADLINES)
    return caught.value.failure


@pytest.mark.parametrize("version", ["1.0", "1.7", "1.999"])
def test_minor_versions_are_read(version: str) -> None:
    plan.check_schema_version(version)


def test_a_newer_minor_only_adds_what_may_be_passed_over() -> None:
    plain, newer = made(), made(schemaVersion="1.7", favouriteColour="blue", limits={"favouriteLimit": 3})
    assert newer == plain


@pytest.mark.parametrize("version", ["2.0", "0.9", "0.0", "10.0", "999.999"])
def test_other_majors_are_refused(version: str) -> None:
    with pytest.raises(Refused) as caught:
        plan.check_schema_version(version)
    assert caught.value.failure.reason is Reason.SCHEMA_VERSION_UNSUPPORTED
    assert version in caught.value.failure.message


def test_a_plan_is_of_job_environment_and_attempt() -> None:
    one = made(env={"runtimeClassName": "gvisor"})
    assert one.subject == wire.Subject("lab", "co2-trend", UID, 1)
    assert (one.runtime_class, one.env_version, one.user_id) == ("gvisor", "python-2026.11", names.user_id(UID))
    assert one.lifetime == 60 + 120 + 300 + 300 + 20


@pytest.mark.parametrize(("command", "starter"), [(["/prog", "{entrypoint}"], ("/prog", "{entrypoint}")), (None, ())])
def test_an_adapter_learns_the_environments_command(command: list[str] | None, starter: tuple[str, ...]) -> None:
    asked: list[Program] = []

    def describe(program: Program) -> Description:
        asked.append(program)
        return DESCRIBE(program)

    plan.make_plan(job(), environment(adapter="command", command=command), 1, describe, Found(), DEADLINES)
    assert [program.starter for program in asked] == [starter]


def test_the_harvests_deadline_is_a_limit_like_others() -> None:
    one = made(env={"defaults": {"harvest": "2m"}})
    assert (one.deadlines.harvest, one.deadlines.staging) == (120.0, 120.0)
    assert one.lifetime == 60 + 120 + 300 + 120 + 20


def test_folders_of_a_search_path_come_after_the_adapters_own() -> None:
    def path(**env: str) -> str:
        return made(env={"env": env}, describe=describing("python3", PYTHONPATH="/work/.fumehood")).command.env["PYTHONPATH"]

    assert path() == "/work/.fumehood"
    assert path(PYTHONPATH="/opt/a:/opt/b") == "/work/.fumehood:/opt/a:/opt/b"
    assert path(PYTHONPATH="") == ""  # which is to do without the adapter's


def test_the_adapter_is_told_the_limits_that_hold() -> None:
    told: list[Program] = []

    def describe(program: Program) -> Description:
        told.append(program)
        return DESCRIBE(program)

    planned = made(describe=describe, limits={"wallClock": "7s", "artifacts": 3})
    assert [program.limits for program in told] == [planned.granted.enforced]
    assert planned.granted.enforced.wall_clock == 7.0


def test_reserved_variables_win_over_environment_and_adapter_and_the_environment_over_the_adapter() -> None:
    env = made(env={"env": {"HOME": "/root", "PYTHONUNBUFFERED": "0", "TMPDIR": "/x", "LANG": "de_DE", "MINE": "1"}}).command.env
    assert (env["HOME"], env["TMPDIR"]) == (wire.HOME, wire.TMP)
    assert (env["PYTHONUNBUFFERED"], env["LANG"], env["MINE"]) == ("0", "de_DE", "1")
    assert env["PATH"].startswith("/usr/local/sbin")


def test_a_program_finds_no_more_threads_than_it_may_use() -> None:
    env = made(limits={"cpu": "2500m"}).command.env
    assert {env[name] for name in plan.THREADS} == {"3"}
    assert made(limits={"cpu": "100m"}).command.env["OMP_NUM_THREADS"] == "1"


def test_what_a_program_finds_is_the_same_for_every_job_of_a_kind() -> None:
    """Place, clock, language and user: nothing in the variables is the job's, the day's or the node's."""
    one, other = job(), job(None, {"name": "other", "uid": "22222222-3b4a-4c5d-8e6f-7a8b9c0d1e2f"})
    plans = [plan.make_plan(each, environment(), attempt, DESCRIBE, Found(), DEADLINES) for attempt, each in ((1, one), (2, other))]
    assert plans[0].command == plans[1].command
    env = plans[0].command.env
    assert (env["TZ"], env["LANG"], env["LC_ALL"], env["SOURCE_DATE_EPOCH"]) == ("UTC", "C.UTF-8", "C.UTF-8", str(wire.EPOCH))
    assert (env["HOME"], env["USER"], env["LOGNAME"]) == (wire.HOME, "analyst", "analyst")
    assert "FUMEHOOD_SEED" not in env and made(seed=0).command.env["FUMEHOOD_SEED"] == "0"


def test_parameters_become_a_file_with_one_spelling() -> None:
    (file,) = made(parameters={"b": [1, None], "a": "ä"}).inputs
    assert file.name == "parameters.json"
    assert file.text == '{"a": "ä", "b": [1, null]}'
    assert json.loads(file.text) == {"b": [1, None], "a": "ä"}


@pytest.mark.parametrize(("parameters", "count"), [(None, 0), (False, 1), (0, 1), ("", 1), ({}, 1)])
def test_only_null_parameters_are_absent(parameters: object, count: int) -> None:
    assert len(made(parameters=parameters).inputs) == count


def test_the_digest_is_the_inputs_or_its_objects() -> None:
    inputs = [
        {"name": "a", "s3": S3, "sha256": DIGEST},
        {"name": "b", "s3": S3 | {"sha256": "b" * 64}},
        {"name": "c", "inline": {"text": "x"}},
    ]
    assert [file.sha256 for file in made(inputs=inputs).inputs] == [DIGEST, "b" * 64, None]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(["a", "a"], id="twice"),
        pytest.param(["a/b", "a"], id="folder-then-file"),
        pytest.param(["a", "a/b"], id="file-then-folder"),
        pytest.param(["a", "a/b/c"], id="file-then-deep-folder"),
        pytest.param(["a/b/c", "a/b"], id="deep-folder-then-file"),
    ],
)
def test_names_that_cannot_both_be_there_are_refused(given: list[str]) -> None:
    failure = failure_of(inputs=[{"name": name, "inline": {"text": ""}} for name in given])
    assert failure.reason is Reason.SPEC_INVALID
    assert failure.message.startswith("spec.inputs")


def test_names_beside_each_other_are_fine() -> None:
    assert len(made(inputs=[{"name": name, "inline": {"text": ""}} for name in ("a", "ab", "b/a", "b/c")]).inputs) == 4


def test_source_files_clash_like_inputs() -> None:
    failure = failure_of(source={"entrypoint": "a", "files": {"a": "", "a/b": ""}})
    assert failure.reason is Reason.SOURCE_INVALID


CONFIG_MAP = {"entrypoint": "main.py", "configMap": {"name": "code"}}


def test_a_config_maps_keys_become_files() -> None:
    files = material.source_files(job(source=CONFIG_MAP), Found({"code": {"data": {"main.py": "x", "b.py": "y"}}}))
    assert [(file.name, file.text) for file in files] == [("b.py", "y"), ("main.py", "x")]


@pytest.mark.parametrize(
    ("config_map", "reason"),
    [
        pytest.param(None, Reason.SOURCE_MISSING, id="none-there"),
        pytest.param({"data": {"other.py": ""}}, Reason.SOURCE_INVALID, id="no-such-key"),
        pytest.param({}, Reason.SOURCE_INVALID, id="empty"),
        pytest.param({"data": {"main.py": "", "..evil": ""}}, Reason.SOURCE_INVALID, id="key-that-is-no-file-name"),
    ],
)
def test_config_maps_that_cannot_be_used(config_map: Any, reason: Reason) -> None:
    assert failure_of(config_map, source=CONFIG_MAP).reason is reason


def test_binary_keys_of_a_config_map_are_files_like_others() -> None:
    document = {"data": {"main.py": "x"}, "binaryData": {"table.bin": "AAECAw=="}}
    files = material.source_files(job(source=CONFIG_MAP), Found({"code": document}))
    assert [(file.name, file.text, file.data) for file in files] == [("main.py", "x", None), ("table.bin", None, b"\x00\x01\x02\x03")]


def test_one_object_becomes_the_entrypoint() -> None:
    (file,) = made(source={"entrypoint": "main.py", "s3": S3 | {"sha256": DIGEST}}).source
    assert (file.name, file.uri, file.sha256, file.text) == ("main.py", "s3://bucket/key", DIGEST, None)


def test_more_text_than_a_secret_holds_is_refused_with_both_values() -> None:
    files = {f"f{number}": "x" * 250_000 for number in range(3)}
    failure = failure_of(source={"entrypoint": "f0", "files": files})
    assert (failure.evidence.allowed, failure.evidence.measured) == (str(material.MAX_TEXT), "750000")
