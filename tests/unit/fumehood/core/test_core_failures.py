from __future__ import annotations

from fumehood.api.v1alpha1 import Category
from fumehood.core.failures import CATEGORY, Failure, Reason
from fumehood_sandbox import wire


def test_every_reason_has_one_category_and_all_six_are_used() -> None:
    assert set(CATEGORY) == set(Reason)
    assert set(CATEGORY.values()) == set(Category)
    assert len(Category) == 6


def test_a_failure_knows_its_category() -> None:
    assert Failure(Reason.DISK_EXCEEDED, "").category is Category.RESOURCE_LIMIT


def test_reasons_are_words_that_conditions_accept() -> None:
    assert all(reason.isalpha() and reason[0].isupper() and len(reason) <= 63 for reason in Reason)


def test_every_limit_and_fault_of_the_wire_has_a_reason() -> None:
    from fumehood.core.classify import FAULT_MESSAGE, FAULT_REASON, LIMIT_REASON

    assert set(LIMIT_REASON) == set(wire.Limit)
    assert set(FAULT_REASON) == set(wire.Fault) == set(FAULT_MESSAGE)
