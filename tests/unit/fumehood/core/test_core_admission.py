from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fumehood.core.admission import Admission, Key


def key(uid: str) -> Key:
    return ("lab", uid)


def test_first_come_first_served_by_creation_then_arrival() -> None:
    places = Admission(1)
    assert places.request("running", key("running"), "t0")
    for uid, created in (("late", "t2"), ("early", "t1"), ("early-too", "t1")):
        assert not places.request(uid, key(uid), created)
    order = []
    places.release("running")
    while places.waiting:
        nxt = next(uid for uid in ("late", "early", "early-too") if uid not in order and places.request(uid, key(uid), ""))
        order.append(nxt)
        places.release(nxt)
    assert order == ["early", "early-too", "late"]


def test_a_release_names_who_may_start() -> None:
    places = Admission(2)
    for uid in "abcde":
        places.request(uid, key(uid), "t")
    assert places.release("a") == [key("c")]
    assert places.release("b") == [key("c"), key("d")]
    assert places.release("a") == [key("c"), key("d")], "releasing twice frees nothing more"


def test_asking_again_keeps_the_place_in_the_line() -> None:
    places = Admission(1)
    places.request("a", key("a"), "t")
    for _ in range(3):
        assert not places.request("b", key("b"), "t")
        assert not places.request("c", key("c"), "t")
    assert places.waiting == 2
    assert places.release("a") == [key("b")]


def test_a_sandbox_that_exists_counts_even_above_the_capacity() -> None:
    places = Admission(1)
    places.occupy("a", key("a"))
    places.occupy("b", key("b"))
    assert places.active == 2
    assert not places.request("c", key("c"), "t")
    assert places.request("a", key("a"), "t"), "its own place"
    assert places.release("a") == []
    assert places.release("b") == [key("c")]


def test_jobs_that_are_gone_do_not_hold_up_the_line() -> None:
    places = Admission(1)
    places.request("a", key("a"), "t0")
    places.request("gone", ("lab", "x"), "t1")
    places.request("b", key("b"), "t2")
    places.keep_only(("lab", "x"), None)
    assert places.release("a") == [key("b")]
    assert places.request("b", key("b"), "t2")


def test_a_successor_of_the_same_name_takes_no_place_of_its_predecessor() -> None:
    places = Admission(1)
    places.request("old", ("lab", "x"), "t0")
    assert places.keep_only(("lab", "x"), "new") == []
    assert places.active == 0
    assert places.request("new", ("lab", "x"), "t1")
    places.keep_only(("lab", "x"), "new")
    assert places.active == 1


STEPS = st.lists(st.tuples(st.sampled_from(["request", "release"]), st.integers(0, 9), st.integers(0, 3)), max_size=60)


@given(st.integers(1, 4), STEPS)
def test_never_more_than_the_capacity_and_never_a_free_place_beside_a_line(capacity: int, steps: list[tuple[str, int, int]]) -> None:
    places = Admission(capacity)
    for what, number, created in steps:
        uid = str(number)
        if what == "request":
            places.request(uid, key(uid), str(created))
            woken: list[Key] = []
        else:
            woken = places.release(uid)
        assert places.active <= capacity
        for job in woken:
            assert places.request(job[1], job, ""), "who is woken may start"
        assert places.waiting == 0 or places.active == capacity
