from __future__ import annotations

from dataclasses import replace

from fumehood.inventory import Inventory
from unit.fumehood.builders import UID, sandbox

KEY = ("lab", "co2-trend")


def test_only_what_is_new_is_news() -> None:
    known = Inventory()
    assert known.put(KEY, sandbox())
    assert not known.put(KEY, sandbox())
    assert known.put(KEY, sandbox(phase="Succeeded"))
    assert UID in known


def test_an_older_attempt_never_replaces_a_newer_one() -> None:
    known = Inventory()
    known.put(KEY, sandbox(attempt=2))
    assert not known.put(KEY, sandbox(attempt=1))
    assert known.get(UID) == sandbox(attempt=2)


def test_a_successor_of_the_same_name_shares_nothing_with_its_predecessor() -> None:
    known = Inventory()
    known.put(KEY, sandbox())
    known.put(KEY, sandbox(job_uid="new"))
    known.put(("lab", "other"), sandbox(job_uid="other"))
    assert known.others(KEY, "new") == [sandbox()]
    assert {other.job_uid for other in known.others(KEY, None)} == {UID, "new"}


def test_nothing_is_left_of_what_was_dropped() -> None:
    known = Inventory()
    for number in range(3):
        known.put(("lab", str(number)), replace(sandbox(), job_uid=str(number)))
        known.drop(str(number))
    known.drop("never there")
    assert vars(known) == vars(Inventory())
