"""The decision table: facts of the Pod, the collector's record and the runner's claim to one verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fumehood.api.v1alpha1 import Category
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
            (F.INPUT_MISSING, Reason.INPUT_MISSING, Category.DEPENDENCY_ERROR),
            (F.INPUT_DIGEST, Reason.INPUT_DIGEST_MISMATCH, Category.VALIDATION_ERROR),
            (F.INPUT_TOO_LARGE, Reason.INPUT_TOO_LARGE, Category.VALIDATION_ERROR),
            (F.STORE_UNREACHABLE, Reason.STORE_UNAVAILABLE, Category.INTERNAL_ERROR),
            (F.STORE_REFUSED, Reason.STORE_UNAVAILABLE, Category.INTERNAL_ERROR),
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

    def test_the_missing_input_is_named(self) -> None:
        failure = verdict(said={"ending": E.NOT_STARTED, "fault": F.INPUT_MISSING, "detail": "co2.csv"})
        assert failure is not None
        assert failure.evidence.entry == "co2.csv"
        assert failure.message.endswith(": co2.csv")

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
    ORDER: tuple[tuple[Reason, dict[str, Any]], ...] = (
        (Reason.INPUT_MISSING, {"ending": E.NOT_STARTED, "fault": F.INPUT_MISSING}),
        (Reason.SYSTEM_CALL_REFUSED, VIOLATION),
        (Reason.WALL_CLOCK_EXCEEDED, {"breach": BREACH["breach"]}),
        (Reason.OUT_OF_MEMORY, {}),
    )

    @pytest.mark.parametrize("row", range(len(ORDER)))
    def test_violation_before_limit_before_the_kubelets_word_before_the_exit(self, row: int) -> None:
        said = {key: value for _, fields in self.ORDER[row:] for key, value in fields.items()}
        assert reason(OOM, {"exit_code": 1, **said}) is self.ORDER[row][0]

    def test_an_escape_comes_before_a_limit(self) -> None:
        assert reason(OOM, BREACH, rejected=(ESCAPE,), rejections=1) is Reason.ARTIFACT_REJECTED

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
