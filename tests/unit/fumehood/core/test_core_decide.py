from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood.api.v1alpha1 import Phase
from fumehood.core.decide import Action, Expire, Fetch, Finish, Launch, Progress, Release, Stop, View, Wait, decide
from fumehood.core.failures import Failure, Reason
from fumehood.core.observation import SandboxFacts
from fumehood_sandbox import wire
from unit.fumehood.builders import NOW, analysis, at, claim, collector, job, manifest, sandbox, seal_of, sealed

SEAL = seal_of(manifest())[1]
RUNNING = {"phase": "Running", "attempt": 1}
STARTING = {"phase": "Starting", "attempt": 1}
DONE = {"phase": "Succeeded", "attempt": 1, "times": {"finished": "2026-11-01T12:00:00Z"}}
COMING = {"collector": collector(), "analysis": analysis()}


def view(
    status: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **fields: Any
) -> View:
    values: dict[str, Any] = {"now": NOW, "slot": False, "start_deadline": timedelta(seconds=300)} | fields
    return View(job=job(status, metadata, **(spec or {})), **values)


def reason(action: Action) -> Reason | None:
    assert isinstance(action, Finish)
    return action.failure.reason if action.failure else None


class TestWithoutSandbox:
    def test_a_new_job_waits_in_line_and_says_so_once(self) -> None:
        assert decide(view()) == Progress(Phase.PENDING)
        assert decide(view({"phase": "Pending"})) == Wait()

    def test_with_a_place_it_is_launched(self) -> None:
        assert decide(view(slot=True)) == decide(view({"phase": "Pending"}, slot=True)) == Launch(1)

    def test_cancelled_before_it_began(self) -> None:
        assert decide(view(spec={"cancel": True}, slot=True)) == Finish(cancelled=True)

    @pytest.mark.parametrize("slot", [True, False])
    def test_an_attempt_whose_sandbox_is_gone_is_lost_and_never_made_again(self, slot: bool) -> None:
        assert reason(decide(view(RUNNING, slot=slot))) is Reason.POD_LOST


class TestUnderway:
    @pytest.mark.parametrize(
        ("status", "facts", "phase"),
        [
            (None, COMING, Phase.STARTING),
            ({"phase": "Pending"}, COMING, Phase.STARTING),
            (STARTING, {}, Phase.RUNNING),
            ({"phase": "Pending"}, {}, Phase.RUNNING),
            (RUNNING, {"stopping": True}, Phase.HARVESTING),
            (RUNNING, {"deleting": True}, Phase.HARVESTING),
        ],
    )
    def test_phases_are_recorded(self, status: dict[str, Any] | None, facts: dict[str, Any], phase: Phase) -> None:
        assert decide(view(status, sandbox=sandbox(**facts))) == Progress(phase)

    def test_a_program_that_began_just_now_is_not_called_running_yet(self) -> None:
        begun = sandbox(analysis=analysis(started=True, started_at=NOW))
        assert decide(view(STARTING, sandbox=begun, now=at(0.5))) == Wait(1.5)
        assert decide(view(STARTING, sandbox=begun, now=at(2))) == Progress(Phase.RUNNING)

    def test_it_is_looked_at_again_when_its_start_is_overdue(self) -> None:
        assert decide(view(STARTING, sandbox=sandbox(**COMING), now=at(100))) == Wait(200.0)

    def test_it_is_looked_at_again_when_all_its_deadlines_are_over(self) -> None:
        assert decide(view(RUNNING, sandbox=sandbox(gone_by=at(50)))) == Wait(50.0)

    def test_one_that_runs_without_a_known_end_is_not_looked_at_all_the_time(self) -> None:
        action = decide(view(RUNNING, sandbox=sandbox(gone_by=None), now=at(301)))
        assert isinstance(action, Wait)
        assert action.seconds is not None and action.seconds >= 10

    def test_a_start_that_is_overdue_fails(self) -> None:
        assert reason(decide(view(STARTING, sandbox=sandbox(**COMING), now=at(300)))) is Reason.NOT_STARTED_IN_TIME

    def test_an_image_that_never_comes_is_not_waited_for(self) -> None:
        facts = sandbox(collector=collector(), analysis=analysis(waiting="InvalidImageName"))
        assert reason(decide(view(STARTING, sandbox=facts))) is Reason.IMAGE_UNAVAILABLE

    def test_one_that_nothing_was_heard_of_is_lost(self) -> None:
        assert reason(decide(view(RUNNING, sandbox=sandbox(gone_by=at(50)), now=at(50)))) is Reason.POD_LOST

    def test_a_cancelled_one_that_no_node_has_is_cancelled(self) -> None:
        assert decide(view(STARTING, spec={"cancel": True}, sandbox=sandbox(scheduled=False, **COMING))) == Finish(cancelled=True)

    def test_a_cancelled_one_that_a_node_has_may_run_already_and_is_asked_to_end(self) -> None:
        assert decide(view(STARTING, spec={"cancel": True}, sandbox=sandbox(**COMING))) == Stop()

    def test_a_cancelled_one_that_does_not_start_in_time_is_cancelled(self) -> None:
        facts = sandbox(stopping=True, **COMING)
        assert decide(view(STARTING, spec={"cancel": True}, sandbox=facts, now=at(300))) == Finish(cancelled=True)

    def test_a_cancelled_one_is_asked_to_end_once(self) -> None:
        spec = {"cancel": True}
        assert decide(view(RUNNING, spec=spec, sandbox=sandbox())) == Stop()
        assert decide(view(RUNNING, spec=spec, sandbox=sandbox(stopping=True))) == Progress(Phase.HARVESTING)
        assert isinstance(decide(view({"phase": "Harvesting", "attempt": 1}, spec=spec, sandbox=sandbox(stopping=True))), Wait)

    def test_a_cancelled_one_that_is_lost_is_cancelled(self) -> None:
        spec = {"cancel": True}
        assert decide(view(RUNNING, spec=spec, sandbox=sandbox(gone_by=NOW, stopping=True))) == Finish(cancelled=True)


class TestConclusion:
    def test_a_sealed_manifest_is_fetched(self) -> None:
        assert decide(view(RUNNING, sandbox=sealed(SEAL))) == Fetch(SEAL)

    def test_a_verified_one_decides(self) -> None:
        assert decide(view(RUNNING, sandbox=sealed(SEAL), manifest=manifest())) == Finish()
        bad = manifest(claim=claim(exit_code=1))
        assert reason(decide(view(RUNNING, sandbox=sealed(SEAL), manifest=bad))) is Reason.NON_ZERO_EXIT

    def test_the_collectors_end_is_enough_whatever_the_pods_phase(self) -> None:
        assert decide(view(STARTING, sandbox=sealed(SEAL, phase="Pending", analysis=analysis(started=True)))) == Fetch(SEAL)

    def test_one_that_cannot_be_believed_fails(self) -> None:
        unsealed = Failure(Reason.MANIFEST_INVALID, "x")
        assert decide(view(RUNNING, sandbox=sealed(SEAL), unsealed=unsealed)) == Finish(unsealed)

    @pytest.mark.parametrize(
        "facts", [{"ended": True, "phase": "Failed", "collector": collector(terminated=True)}, {"collector": collector(terminated=True)}]
    )
    def test_without_a_seal_the_pod_tells_why(self, facts: dict[str, Any]) -> None:
        assert reason(decide(view(RUNNING, sandbox=sandbox(**facts)))) is Reason.COLLECTOR_LOST

    def test_when_the_runner_was_lost_the_kubelets_report_is_waited_for_a_moment(self) -> None:
        lost = manifest(claim=claim(ending=wire.Ending.RUNNER_LOST, exit_code=None))
        still = sealed(SEAL, analysis=analysis(started=True))
        oom = sealed(SEAL, analysis=analysis(started=True, terminated=True, reason="OOMKilled"))
        assert decide(view(RUNNING, sandbox=still, manifest=lost, now=at(4))) == Wait(6.0)
        assert reason(decide(view(RUNNING, sandbox=oom, manifest=lost, now=at(4)))) is Reason.OUT_OF_MEMORY
        assert reason(decide(view(RUNNING, sandbox=still, manifest=lost, now=at(10)))) is Reason.RUNNER_LOST
        assert reason(decide(view(RUNNING, sandbox=replace(still, ended=True), manifest=lost))) is Reason.RUNNER_LOST

    @pytest.mark.parametrize(
        ("ending", "cancelled"),
        [
            (wire.Ending.TERMINATED, True),
            (wire.Ending.NOT_STARTED, True),
            (wire.Ending.RUNNER_LOST, True),
            (wire.Ending.EXITED, False),
            (wire.Ending.LIMIT, False),
            (wire.Ending.SIGNALLED, False),
        ],
    )
    def test_a_cancellation_counts_only_if_it_came_before_the_programs_own_end(self, ending: wire.Ending, cancelled: bool) -> None:
        one = manifest(claim=claim(ending=ending, breach=wire.Breach(wire.Limit.DISK, 1, 2)))
        action = decide(view(RUNNING, spec={"cancel": True}, sandbox=sealed(SEAL), manifest=one))
        assert isinstance(action, Finish)
        assert action.cancelled is cancelled

    def test_a_cancelled_one_without_a_manifest_is_cancelled(self) -> None:
        gone = sandbox(ended=True, deleting=True)
        assert decide(view(RUNNING, spec={"cancel": True}, sandbox=gone)) == Finish(cancelled=True)


class TestAfterTheEnd:
    def test_a_sandbox_that_ended_is_removed(self) -> None:
        assert decide(view(DONE, sandbox=sealed(SEAL, ended=True))) == Release()

    def test_one_that_is_about_to_end_is_left_a_moment(self) -> None:
        assert decide(view(DONE, sandbox=sealed(SEAL), now=at(4))) == Wait(6.0)
        assert decide(view(DONE, sandbox=sealed(SEAL), now=at(10))) == Release()

    def test_one_that_never_started_is_removed_at_once(self) -> None:
        assert decide(view(DONE, sandbox=sandbox(**COMING))) == Release()

    def test_one_that_is_going_already_is_left_alone(self) -> None:
        assert decide(view(DONE, sandbox=sandbox(deleting=True), now=at(99))) == Wait()
        assert decide(view(DONE, sandbox=sandbox(deleting=True, ended=True))) == Release()

    def test_without_a_time_to_live_it_stays(self) -> None:
        assert decide(view(DONE, now=at(10**8))) == Wait()

    def test_it_goes_when_its_time_is_over(self) -> None:
        spec = {"ttlSecondsAfterFinished": 60}
        assert decide(view(DONE, spec=spec, now=at(20))) == Wait(40.0)
        assert decide(view(DONE, spec=spec, now=at(60))) == Expire()

    def test_the_sandbox_goes_first(self) -> None:
        assert decide(view(DONE, spec={"ttlSecondsAfterFinished": 0}, sandbox=sandbox(ended=True), now=at(60))) == Release()


# --- properties, over everything that can be seen ---

CONTAINERS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    started=st.booleans(),
    terminated=st.booleans(),
    waiting=st.sampled_from(["", "ContainerCreating", "ErrImagePull", "InvalidImageName"]),
    reason=st.sampled_from(["", "OOMKilled", "Error", "Completed"]),
    finished_at=st.none() | st.integers(-20, 0).map(at),
)
SEALS = st.sampled_from(
    [
        "",
        "junk",
        wire.encode(SEAL).decode(),
        wire.encode(replace(SEAL, digest=None, fault=wire.Fault.INTERNAL)).decode(),
        wire.encode(replace(SEAL, attempt=2)).decode(),
    ]
)
SANDBOXES = st.builds(
    lambda c, a, message, **facts: sandbox(collector=collector(message=message, **c), analysis=analysis(**a), **facts),
    CONTAINERS,
    CONTAINERS,
    SEALS,
    ended=st.booleans(),
    stopping=st.booleans(),
    deleting=st.booleans(),
    scheduled=st.booleans(),
    gone_by=st.none() | st.integers(-10, 500).map(at),
    reason=st.sampled_from(["", "Evicted", "DeadlineExceeded", "NodeLost"]),
    phase=st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown", ""]),
)
MANIFESTS = st.builds(
    lambda ending, code: manifest(claim=claim(ending=ending, exit_code=code)), st.sampled_from(wire.Ending), st.sampled_from([0, 1, None])
)


@st.composite
def views(draw: st.DrawFn) -> View:
    phase = draw(st.none() | st.sampled_from(Phase))
    finished = {"finished": "2026-11-01T12:00:00Z"} if phase and phase.final else {}
    status = {"phase": phase.value, "attempt": draw(st.none() | st.just(1)), "times": finished} if phase else None
    return view(
        status,
        draw(st.sampled_from([{}, {}, {}, {"deletionTimestamp": "2026-11-01T12:00:00Z"}])),
        {"cancel": draw(st.booleans()), "ttlSecondsAfterFinished": draw(st.none() | st.integers(0, 100))},
        now=at(draw(st.integers(0, 600))),
        slot=draw(st.booleans()),
        sandbox=draw(st.none() | SANDBOXES),
        manifest=draw(st.none() | MANIFESTS),
        unsealed=draw(st.none() | st.just(Failure(Reason.MANIFEST_INVALID, ""))),
    )


ORDER = [None, Phase.PENDING, Phase.STARTING, Phase.RUNNING, Phase.HARVESTING]


@given(views())
def test_what_holds_for_every_view(one: View) -> None:
    action = decide(one)
    phase, facts = one.job.status.phase, one.sandbox
    if one.job.metadata.deletion_timestamp:
        assert isinstance(action, Wait | Release) or action == Finish(cancelled=True), (
            "nobody waits for the result of what is being deleted"
        )
        assert (action == Release()) == (facts is not None and (facts.ended or not facts.deleting)), "its place is for others"
        return
    if phase and phase.final:
        assert isinstance(action, Release | Expire | Wait), "a final phase is final"
    else:
        assert not isinstance(action, Release | Expire), "nothing is cleaned up before there is a verdict"
    if isinstance(action, Progress):
        assert ORDER.index(action.phase) > ORDER.index(phase), "phases never go backwards, nor are they written twice"
    if isinstance(action, Launch):
        assert one.slot and facts is None and one.job.status.attempt is None, "one sandbox an attempt, and only with a place"
    if isinstance(action, Stop):
        assert one.job.spec.cancel and facts is not None and not facts.stopping
    if isinstance(action, Finish) and not action.cancelled and action.failure is None:
        assert one.manifest is not None and facts is not None and facts.seal is not None, "no success without a sealed manifest"
    if isinstance(action, Finish) and action.cancelled:
        assert one.job.spec.cancel and action.failure is None
    if isinstance(action, Wait) and action.seconds is not None:
        assert action.seconds >= 0.05
    _never_idle_for_good(one, action, facts)


def _never_idle_for_good(one: View, action: Action, facts: SandboxFacts | None) -> None:
    if action == Wait() and not (one.job.status.phase and one.job.status.phase.final):
        assert facts is None and not one.slot, "a job with a sandbox is looked at again even if nothing is heard of it"
