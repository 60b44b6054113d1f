from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood.core import names
from unit.fumehood.builders import UID

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
JOB_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?){0,6}", fullmatch=True)


@given(JOB_NAMES, st.uuids(), st.integers(1, 9999))
def test_a_pods_name_is_a_dns_label(job: str, uid: object, attempt: int) -> None:
    assert DNS_LABEL.fullmatch(names.pod(job, str(uid), attempt))


@pytest.mark.parametrize("job", ["a" * 39 + "-b", "a" * 40 + "b", "a" * 39 + ".b", "x" * 253, "a.b-c", "0"])
def test_a_long_or_dotted_name_is_cut_to_a_dns_label(job: str) -> None:
    assert DNS_LABEL.fullmatch(names.pod(job, UID, 1))


@given(JOB_NAMES, st.uuids(), st.integers(1, 9999))
def test_labels_are_valid_and_hold_the_uid_whole(job: str, uid: object, attempt: int) -> None:
    labels = names.labels(job, str(uid), attempt)
    assert all(LABEL_VALUE.fullmatch(value) for value in labels.values())
    assert labels[names.JOB_UID] == str(uid)


@given(st.uuids())
def test_user_ids_are_of_no_system_and_within_a_user_namespace(uid: object) -> None:
    assert 20_000 <= names.user_id(str(uid)) < 60_000
    assert names.user_id(str(uid)) != names.COLLECTOR_UID


def test_names_are_deterministic_and_differ_by_uid_and_attempt() -> None:
    assert names.pod("job", UID, 1) == names.pod("job", UID, 1)
    assert len({names.pod("job", UID, 1), names.pod("job", UID, 2), names.pod("job", UID[:-1] + "0", 1)}) == 3


def test_object_keys_are_made_of_ids_alone() -> None:
    assert names.prefix("lab", UID, 2) == f"lab/{UID}/2/"
