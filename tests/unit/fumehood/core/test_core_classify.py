"""The decision table: facts of the Pod, the collector's record and the runner's claim to one verdict."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood.api.v1alpha1 import Category
from fumehood.api.v1alpha1.status import FailureStatus
from fumehood.core import classify
from fumehood.core.failures import Failure, Reason
from fumehood.core.observation import ContainerFacts, SandboxFacts
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, analysis, claim, collector, log, manifest, sandbox

E, F, L = wire.Ending, wire.Fault, wire.Limit
OOM = sandbox(analysis=analysis(started=True, terminated=True, reason="OOMKilled", exit_code=137))
VIOLATION = {"violations": {"ptrace": 2, "socket": 1}}
BREACH = {"breach": wire.Breach(L.WALL_CLOCK, 60.0, 60.4), "ending": E.LIMIT, "exit_code": None}
ESCAPE = wire.Rejected("link", wire.Rejection.SYMLINK, escape=True)
UNSTAGED = wire.Times("2026-11-01T12:00:00Z")
HARMLESS = wire.Rejected("fifo", wire.Rejection.SPECIAL)


def verdict(facts: SandboxFacts | None = None, said: dict[str, Any] | None = None, **sealed: Any) -> Failure | None:
    return classify.with_manifest(facts or sandbox(), manifest(claim=claim(**(said or {})), **sealed))


def reason(facts: SandboxFacts | None = None, said: dict[str, Any] | None = None, **sealed: Any) -> Reason | None:
    failure = verdict(facts, said, **sealed)
    return failure.reason if failure else None


class TestSealed:
    def test_a_program_that_ends_well_succeeds(self) -> None:
        assert verdict() is None

    def test_an_entry_that_harms_nobody_changes_nothing(self) -> None:
        assert verdict(rejected=(HARMLESS,), rejections=1, complete=False) is None

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({"exit_code": 1}, Reason.NON_ZERO_EXIT),
            ({"exit_code": None}, Reason.NON_ZERO_EXIT),
            ({"ending": E.SIGNALLED, "exit_code": None, "signal": 11}, Reason.KILLED_BY_SIGNAL),
            ({"ending": E.TERMINATED, "exit_code": None}, Reason.POD_STOPPED),
            ({"ending": E.RUNNER_LOST, "exit_code": None}, Reason.RUNNER_LOST),
            (VIOLATION, Reason.SYSTEM_CALL_REFUSED),
            (BREACH, Reason.WALL_CLOCK_EXCEEDED),
        ],
    )
    def test_what_the_runner_claims(self, said: dict[str, Any], expected: Reason) -> None:
        assert reason(said=said) is expected

    @pytest.mark.parametrize(
        ("fault", "expected", "category"),
        [
            (F.SOURCE_MISSING, Reason.SOURCE_MISSING, Category.DEPENDENCY_ERROR),
            (F.INPUT_MISSING, Reason.INPUT_MISSING, Category.DEPENDENCY_ERROR),
            (F.INPUT_UNAVAILABLE, Reason.INPUT_UNAVAILABLE, Category.DEPENDENCY_ERROR),
            (F.INPUT_DIGEST, Reason.INPUT_DIGEST_MISMATCH, Category.VALIDATION_ERROR),
            (F.INPUT_TOO_LARGE, Reason.INPUT_TOO_LARGE, Category.VALIDATION_ERROR),
            (F.STORE_UNREACHABLE, Reason.STORE_UNAVAILABLE, Category.INTERNAL_ERROR),
            (F.STORE_REFUSED, Reason.STORE_UNAVAILABLE, Category.INTERNAL_ERROR),
            (F.INTERNAL, Reason.INTERNAL, Category.INTERNAL_ERROR),
            (None, Reason.INTERNAL, Category.INTERNAL_ERROR),
        ],
    )
    def test_files_that_could_not_be_staged(self, fault: wire.Fault | None, expected: Reason, category: Category) -> None:
        failure = verdict(said={"ending": E.NOT_STARTED, "exit_code": None, "fault": fault}, times=UNSTAGED)
        assert failure is not None
        assert (failure.reason, failure.category) == (expected, category)

    @pytest.mark.parametrize(
        ("fault", "expected", "category"),
        [
            (F.SANDBOX_UNAVAILABLE, Reason.SANDBOX_UNAVAILABLE, Category.INTERNAL_ERROR),
            (F.COMMAND_NOT_FOUND, Reason.COMMAND_NOT_FOUND, Category.DEPENDENCY_ERROR),
            (F.RUNNER_ABSENT, Reason.RUNNER_LOST, Category.INTERNAL_ERROR),
            (F.INTERNAL, Reason.INTERNAL, Category.INTERNAL_ERROR),
            (None, Reason.INTERNAL, Category.INTERNAL_ERROR),
        ],
    )
    def test_a_program_that_was_not_started(self, fault: wire.Fault | None, expected: Reason, category: Category) -> None:
        failure = verdict(said={"ending": E.NOT_STARTED, "exit_code": None, "fault": fault})
        assert failure is not None
        assert (failure.reason, failure.category) == (expected, category)

    @pytest.mark.parametrize("fault", sorted(classify.STAGING_FAULTS - {F.INTERNAL}))
    def test_a_runner_cannot_blame_the_inputs_or_the_store(self, fault: wire.Fault) -> None:
        assert reason(said={"ending": E.NOT_STARTED, "exit_code": None, "fault": fault}) is Reason.INTERNAL

    def test_the_missing_input_is_named(self) -> None:
        failure = verdict(said={"ending": E.NOT_STARTED, "fault": F.INPUT_MISSING, "detail": "in/co2.csv: status 404"}, times=UNSTAGED)
        assert failure is not None
        assert failure.evidence.entry == "in/co2.csv"
        assert failure.message.endswith(": in/co2.csv: status 404")

    def test_an_input_too_large_has_both_sizes(self) -> None:
        breach = wire.Breach(L.DISK, 64 << 20, 70 << 20)
        said = {"ending": E.NOT_STARTED, "fault": F.INPUT_TOO_LARGE, "detail": "in/co2.csv", "breach": breach}
        failure = verdict(said=said, times=UNSTAGED)
        assert failure is not None
        assert (failure.evidence.entry, failure.evidence.limit) == ("in/co2.csv", "disk")
        assert (failure.evidence.allowed, failure.evidence.measured) == ("64Mi", "70Mi")
        assert failure.message.endswith("spec.limits.disk allows: in/co2.csv (64Mi; measured: 70Mi)")

    def test_each_missing_protection_is_named(self) -> None:
        failure = verdict(said={"ending": E.NOT_STARTED, "fault": F.SANDBOX_UNAVAILABLE, "detail": "missing: seccomp, noNewPrivs"})
        assert failure is not None
        assert failure.evidence.missing == ("seccomp", "noNewPrivs")

    @pytest.mark.parametrize(
        ("limit", "allowed", "measured", "expected", "texts"),
        [
            (L.WALL_CLOCK, 60.0, 60.41, Reason.WALL_CLOCK_EXCEEDED, ("60s", "60s")),
            (L.CPU_TIME, 5.0, 5.21, Reason.CPU_TIME_EXCEEDED, ("5.00s", "5.21s")),
            (L.MEMORY, 512 << 20, 520 << 20, Reason.OUT_OF_MEMORY, ("512Mi", "520Mi")),
            (L.DISK, 1 << 30, 3 << 29, Reason.DISK_EXCEEDED, ("1Gi", "1.5Gi")),
            (L.OUTPUT, 1 << 20, 2 << 20, Reason.OUTPUT_EXCEEDED, ("1Mi", "2Mi")),
            (L.PROCESSES, 64, 65, Reason.PROCESSES_EXCEEDED, ("64", "65")),
            (L.OPEN_FILES, 256, 257, Reason.OPEN_FILES_EXCEEDED, ("256", "257")),
            (L.FILE_SIZE, 1 << 20, (1 << 20) + 1, Reason.FILE_SIZE_EXCEEDED, ("1Mi", "1048577")),
            (L.FILES, 10_000, 12_345, Reason.FILES_EXCEEDED, ("10000", "12345")),
            (L.HARVEST, 300.0, 301.2, Reason.HARVEST_TIME_EXCEEDED, ("300s", "301s")),
            (L.ARTIFACTS, 100, 2500, Reason.TOO_MANY_ARTIFACTS, ("100", "2500")),
            (L.ARTIFACT_BYTES, 100, 101, Reason.ARTIFACT_BYTES_EXCEEDED, ("100", "101")),
        ],
    )
    def test_every_limit_is_named_with_what_it_allowed_and_what_was_measured(
        self, limit: wire.Limit, allowed: float, measured: float, expected: Reason, texts: tuple[str, str]
    ) -> None:
        failure = verdict(said={"ending": E.LIMIT, "exit_code": None, "breach": wire.Breach(limit, allowed, measured)})
        assert failure is not None
        assert (failure.reason, failure.category) == (expected, Category.RESOURCE_LIMIT)
        assert (failure.evidence.limit, failure.evidence.allowed, failure.evidence.measured) == (limit, *texts)
        assert f"spec.limits.{limit}" in failure.message

    def test_a_limit_passed_while_sealing_counts_though_the_program_ended_well(self) -> None:
        assert reason(harvest_breach=wire.Breach(L.ARTIFACTS, 1, 2)) is Reason.TOO_MANY_ARTIFACTS

    def test_an_entry_that_reaches_out_is_a_violation_and_named(self) -> None:
        failure = verdict(rejected=(HARMLESS, replace(ESCAPE, name="l\x1b[31m")), rejections=2)
        assert failure is not None
        assert (failure.reason, failure.category) == (Reason.ARTIFACT_REJECTED, Category.SANDBOX_VIOLATION)
        assert failure.evidence.entry == "l\ufffd[31m"

    def test_refused_system_calls_are_counted(self) -> None:
        failure = verdict(said=VIOLATION)
        assert failure is not None
        assert failure.evidence.system_calls == {"ptrace": 2, "socket": 1}
        assert "ptrace (2×)" in failure.message

    def test_refused_system_calls_that_are_but_recorded_leave_the_end_to_the_program(self) -> None:
        assert verdict(said=VIOLATION, record_violations=True) is None
        assert reason(said={"exit_code": 1, **VIOLATION}, record_violations=True) is Reason.NON_ZERO_EXIT
        assert reason(said=VIOLATION, record_violations=True, rejected=(ESCAPE,), rejections=1) is Reason.ARTIFACT_REJECTED

    def test_the_kubelets_word_stands_against_a_program_that_claims_to_have_ended_well(self) -> None:
        failure = verdict(OOM)
        assert failure is not None
        assert (failure.reason, failure.evidence.limit, failure.evidence.measured) == (Reason.OUT_OF_MEMORY, "memory", "64Mi")

    def test_a_collector_flagged_for_memory_says_nothing_of_the_program(self) -> None:
        assert reason(sandbox(collector=collector(terminated=True, reason="OOMKilled"))) is None

    @pytest.mark.parametrize("ending", [{"exit_code": 3}, {"ending": E.SIGNALLED, "exit_code": None, "signal": 9}])
    def test_the_end_of_stderr_is_shown_and_cleaned(self, ending: dict[str, Any]) -> None:
        failure = verdict(said=ending, stderr=log('File "/opt/fumehood/x.py"\n\x1b[1mValueError: no\x1b[0m\n'))
        assert failure is not None
        assert failure.message.endswith('\nFile "…/x.py"\n\ufffd[1mValueError: no\ufffd[0m')

    # Each row: everything of the rows below may be true as well, and this one decides.
    ORDER: tuple[tuple[Reason, dict[str, Any], dict[str, Any]], ...] = (
        (Reason.INPUT_MISSING, {"ending": E.NOT_STARTED, "fault": F.INPUT_MISSING}, {"times": UNSTAGED}),
        (Reason.SYSTEM_CALL_REFUSED, VIOLATION, {}),
        (Reason.ARTIFACT_REJECTED, {}, {"rejected": (ESCAPE,), "rejections": 1}),
        (Reason.WALL_CLOCK_EXCEEDED, {"breach": BREACH["breach"]}, {}),
        (Reason.OUT_OF_MEMORY, {"ending": E.NOT_STARTED, "fault": F.COMMAND_NOT_FOUND}, {}),
    )

    @pytest.mark.parametrize("row", range(len(ORDER)))
    def test_violation_before_limit_before_the_kubelets_word_before_the_claims(self, row: int) -> None:
        said: dict[str, Any] = {"exit_code": 1}
        sealed: dict[str, Any] = {}
        for _, fields, found in reversed(self.ORDER[row:]):
            said |= fields
            sealed |= found
        assert reason(OOM, said, **sealed) is self.ORDER[row][0]

    def test_an_escape_comes_before_a_limit(self) -> None:
        assert reason(OOM, BREACH, rejected=(ESCAPE,), rejections=1) is Reason.ARTIFACT_REJECTED

    @pytest.mark.parametrize(
        ("message", "ending", "expected"),
        [
            ("Usage of EmptyDir volume outputs exceeds the limit", {"ending": E.TERMINATED, "exit_code": None}, Reason.DISK_EXCEEDED),
            ("Pod ephemeral local storage usage exceeds", {"ending": E.RUNNER_LOST, "exit_code": None}, Reason.DISK_EXCEEDED),
            ("The node was low on resource: memory.", {"ending": E.TERMINATED, "exit_code": None}, Reason.POD_EVICTED),
            ("The node was low on resource: memory.", {"exit_code": 3}, Reason.NON_ZERO_EXIT),
            ("The node was low on resource: memory.", {}, None),
        ],
    )
    def test_an_eviction_explains_what_it_cut_short_and_nothing_else(
        self, message: str, ending: dict[str, Any], expected: Reason | None
    ) -> None:
        assert reason(sandbox(reason="Evicted", message=message), ending) is expected

    def test_memory_comes_before_a_lost_runner(self) -> None:
        assert reason(OOM, {"ending": E.RUNNER_LOST, "exit_code": None}) is Reason.OUT_OF_MEMORY


def last_word(**fields: Any) -> ContainerFacts:
    seal = wire.Seal(wire.VERSION, UID, 1, **fields)
    return collector(started=True, terminated=True, message=wire.encode(seal).decode())


DEAD = collector(started=True, terminated=True, exit_code=137, reason="Error")


class TestUnsealed:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"collector": last_word(fault=F.STORE_UNREACHABLE)}, Reason.STORE_UNAVAILABLE),
            ({"collector": last_word(fault=F.RUNNER_ABSENT)}, Reason.RUNNER_LOST),
            ({"collector": last_word(fault=F.INTERNAL)}, Reason.INTERNAL),
            ({"reason": "Evicted", "message": "Usage of EmptyDir volume outputs exceeds the limit"}, Reason.DISK_EXCEEDED),
            ({"reason": "Evicted", "message": "Pod ephemeral local storage usage exceeds the total limit"}, Reason.DISK_EXCEEDED),
            ({"reason": "Evicted", "message": "The node was low on resource: memory."}, Reason.POD_EVICTED),
            ({"deleting": True, "collector": DEAD}, Reason.POD_LOST),
            ({"reason": "DeadlineExceeded", "phase": "Failed"}, Reason.COLLECTOR_LOST),
            ({"reason": "OutOfcpu", "phase": "Failed", "collector": collector(), "analysis": analysis()}, Reason.POD_LOST),
            ({"collector": DEAD}, Reason.COLLECTOR_LOST),
            ({"collector": replace(DEAD, message="not JSON")}, Reason.COLLECTOR_LOST),
            (
                {"collector": replace(DEAD, message='{"version": 1, "uid": "other", "attempt": 1, "fault": "Internal"}')},
                Reason.COLLECTOR_LOST,
            ),
        ],
    )
    def test_why_there_is_no_manifest(self, facts: dict[str, Any], expected: Reason) -> None:
        assert classify.without_manifest(sandbox(**facts)).reason is expected

    @pytest.mark.parametrize("row", range(4))
    def test_the_collectors_word_before_eviction_before_deletion_before_the_deadline(self, row: int) -> None:
        order: list[tuple[Reason, dict[str, Any]]] = [
            (Reason.STORE_UNAVAILABLE, {"collector": last_word(fault=F.STORE_UNREACHABLE)}),
            (Reason.DISK_EXCEEDED, {"reason": "Evicted", "message": "emptyDir"}),
            (Reason.POD_LOST, {"deleting": True}),
            (Reason.COLLECTOR_LOST, {"reason": "DeadlineExceeded"}),
        ]
        facts: dict[str, Any] = {"collector": DEAD}
        for _, fields in reversed(order[row:]):
            facts |= fields
        assert classify.without_manifest(sandbox(**facts)).reason is order[row][0]

    def test_a_lost_collector_tells_how_it_ended(self) -> None:
        evidence = classify.without_manifest(sandbox(collector=DEAD)).evidence
        assert (evidence.container, evidence.exit_code) == ("collector", 137)

    @pytest.mark.parametrize("subject", [{"uid": "other"}, {"attempt": 2}], ids=str)
    def test_a_last_word_about_another_attempt_is_none(self, subject: dict[str, Any]) -> None:
        seal = replace(wire.Seal(1, UID, 1, digest="sha256:x"), **subject)
        assert sandbox(collector=collector(terminated=True, message=wire.encode(seal).decode())).seal is None

    def test_a_collector_that_still_runs_has_no_last_word(self) -> None:
        assert sandbox(collector=replace(last_word(digest="sha256:x"), terminated=False)).seal is None

    @pytest.mark.parametrize("message", ["", "{}", "[]", "\ud800", "x" * 5000])
    def test_a_message_that_is_no_seal_is_none(self, message: str) -> None:
        assert sandbox(collector=collector(terminated=True, message=message)).seal is None


class TestNotStarted:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"analysis": analysis(waiting="ImagePullBackOff")}, Reason.IMAGE_UNAVAILABLE),
            ({"collector": collector(waiting="ErrImageNeverPull")}, Reason.IMAGE_UNAVAILABLE),
            ({"analysis": analysis(waiting="CreateContainerError")}, Reason.SANDBOX_UNAVAILABLE),
            ({"scheduled": False, "unschedulable": "0/1 nodes: too little memory"}, Reason.NOT_STARTED_IN_TIME),
            ({"scheduled": False}, Reason.NOT_STARTED_IN_TIME),
            ({"analysis": analysis(waiting="ContainerCreating")}, Reason.NOT_STARTED_IN_TIME),
        ],
    )
    def test_why(self, facts: dict[str, Any], expected: Reason) -> None:
        assert classify.not_started(sandbox(**({"collector": collector(), "analysis": analysis()} | facts))).reason is expected

    def test_the_schedulers_word_is_passed_on(self) -> None:
        facts = sandbox(scheduled=False, unschedulable="too little memory", collector=collector(), analysis=analysis())
        assert "too little memory" in classify.not_started(facts).message

    @pytest.mark.parametrize(
        ("waiting", "hopeless"), [("ErrImageNeverPull", True), ("InvalidImageName", True), ("ImagePullBackOff", False), ("", False)]
    )
    def test_only_images_that_never_come_are_not_waited_for(self, waiting: str, hopeless: bool) -> None:
        assert classify.image_trouble(sandbox(analysis=analysis(waiting=waiting))) is hopeless


# --- the table as a whole ---

CONTAINER = st.builds(
    ContainerFacts,
    name=st.sampled_from([wire.COLLECTOR, wire.ANALYSIS]),
    terminated=st.booleans(),
    waiting=st.sampled_from(["", "ContainerCreating", "ImagePullBackOff", "InvalidImageName", "RunContainerError", "\x1b[2J" * 40]),
    reason=st.sampled_from(["", "Completed", "Error", "OOMKilled", "ContainerStatusUnknown"]),
    exit_code=st.none() | st.integers(0, 255),
    message=st.sampled_from(["", "{}", '{"version":1,"fault":"Success"}', *(last_word(fault=fault).message for fault in F)]),
)
FACTS = st.builds(
    sandbox,
    phase=st.sampled_from(["", "Pending", "Running", "Succeeded", "Failed"]),
    reason=st.sampled_from(["", "Evicted", "DeadlineExceeded", "NodeLost", "OutOfcpu", "Preempting"]),
    message=st.sampled_from(["", "The node was low on resource: inodes.", "Usage of EmptyDir volume", "ephemeral storage"]),
    stopping=st.booleans(),
    deleting=st.booleans(),
    scheduled=st.booleans(),
    unschedulable=st.text(max_size=20),
    memory_limit=st.none() | st.integers(1, 1 << 60),
    collector=CONTAINER,
    analysis=CONTAINER,
)
NUMBERS = st.floats(-1e308, 1e308) | st.sampled_from([-1.0, 0.0, 1e300])
BREACHES = st.none() | st.builds(wire.Breach, st.sampled_from(L), NUMBERS, NUMBERS)
CLAIMS = st.builds(
    wire.Claim,
    ending=st.sampled_from(E),
    exit_code=st.none() | st.integers(-(2**62), 2**62),
    signal=st.none() | st.integers(-(2**62), 2**62),
    breach=BREACHES,
    fault=st.none() | st.sampled_from(F),
    detail=st.none() | st.text(max_size=600),
    violations=st.dictionaries(st.text(max_size=99), st.integers(-(2**62), 2**62), max_size=70),
    usage=st.builds(wire.Usage, NUMBERS, NUMBERS, st.integers(-(2**62), 2**62)),
)
MANIFESTS = st.builds(
    manifest,
    claim=CLAIMS,
    harvest_breach=BREACHES,
    times=st.sampled_from([UNSTAGED, manifest().times]),
    rejected=st.lists(st.builds(wire.Rejected, st.text(max_size=300), st.sampled_from(wire.Rejection), st.booleans()), max_size=2),
    stderr=st.none() | st.builds(log, st.text(max_size=4096)),
)


def as_it_arrives(sealed: wire.Manifest) -> wire.Manifest:
    """Return a manifest as it comes out of the store: what no strict reader takes never gets this far."""
    return wire.decode(wire.Manifest, wire.encode(sealed), max_bytes=wire.MAX_MANIFEST)


@given(FACTS, MANIFESTS)
@settings(max_examples=300)
def test_whatever_is_claimed_each_check_speaks_only_as_the_table_says(facts: SandboxFacts, sealed: wire.Manifest) -> None:
    sealed = as_it_arrives(sealed)
    spoken = [(check, check.judge(facts, sealed)) for check in classify.SEALED_CHECKS]
    spoken += [(check, check.judge(facts)) for check in (*classify.UNSEALED_CHECKS, *classify.NOT_STARTED_CHECKS)]  # type: ignore[misc]
    for check, failure in spoken:
        if failure is not None:
            assert failure.reason in check.reasons, check.looks_at
            shown(failure)


def shown(failure: Failure) -> None:
    """Assert that the verdict fits into a status: bounded, printable, and of a size that every reader can take."""
    status = FailureStatus(category=failure.category, reason=failure.reason, message=failure.message[:2048], evidence=failure.evidence)
    text = status.model_dump_json()
    assert len(text) < 20_000
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in failure.message if char not in "\n\t")


@given(MANIFESTS)
def test_no_claim_makes_a_success_of_what_the_kubelet_saw_killed(sealed: wire.Manifest) -> None:
    assert classify.with_manifest(OOM, as_it_arrives(sealed)) is not None


@given(FACTS)
def test_without_a_manifest_there_is_always_a_reason(facts: SandboxFacts) -> None:
    assert classify.without_manifest(facts).reason
    assert classify.not_started(facts).reason


@pytest.mark.parametrize("forged", ["fumehood: done", '{"ending":"Exited","exitCode":0}', "\x00\x04CLAIM{}", wire.encode(claim()).decode()])
def test_what_a_program_prints_or_leaves_in_its_termination_message_changes_nothing(forged: str) -> None:
    facts = sandbox(analysis=analysis(started=True, terminated=True, exit_code=0, reason="Completed", message=forged))
    assert reason(facts, {"exit_code": 7}, stdout=log(forged), stderr=log(forged)) is Reason.NON_ZERO_EXIT
    assert reason(facts, stdout=log(forged), stderr=log(forged)) is None
    seal = wire.encode(wire.Seal(wire.VERSION, UID, 1, digest="sha256:x", size=1)).decode()
    assert replace(facts, collector=DEAD, analysis=replace(facts.analysis, message=seal)).seal is None


@pytest.mark.parametrize(
    "damage",
    [
        {"ending": "Succeeded"},
        {"breach": {"limit": "luck", "allowed": 1, "measured": 2}},
        {"fault": "NotMine"},
        {"exitCode": 10**300},
        {"signal": 1.5},
        {"usage": {"cpuSeconds": float("nan")}},
        {"usage": {"wallSeconds": float("inf")}},
        {"usage": {"peakMemoryBytes": 10**300}},
        {"breach": {"limit": "memory", "allowed": 10**400, "measured": 2}},
        {"violations": {"socket": "many"}},
        {"violations": {"socket": 2**63}},
    ],
    ids=str,
)
def test_a_claim_that_makes_no_sense_is_none(damage: dict[str, Any]) -> None:
    document = wire.to_json(claim()) | damage
    with pytest.raises(wire.DecodeError):
        wire.decode(wire.Claim, json.dumps(document).encode(), max_bytes=wire.MAX_FRAME)


@pytest.mark.parametrize("checks", [classify.SEALED_CHECKS, classify.UNSEALED_CHECKS, classify.NOT_STARTED_CHECKS])
def test_rows_are_told_apart(checks: tuple[classify.Check[...], ...]) -> None:
    assert len({check.looks_at for check in checks}) == len({check.judge for check in checks}) == len(checks)
    assert all(check.sources and check.reasons for check in checks)
