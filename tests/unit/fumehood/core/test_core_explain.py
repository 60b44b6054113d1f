from __future__ import annotations

import pytest

from fumehood.api.v1alpha1 import Evidence
from fumehood.core import explain
from fumehood.core.failures import Failure, Reason
from fumehood.core.program import Diagnosis
from fumehood_sandbox import wire
from unit.fumehood.builders import claim, manifest

FAILURE = Failure(Reason.NON_ZERO_EXIT, "the program exited with code 1:\nTraceback", Evidence(exit_code=1))


def nobody(package: str) -> tuple[str, ...]:
    return ()


def test_a_missing_package_is_a_dependency_and_names_who_has_it() -> None:
    said = Diagnosis("No module named 'torch'", "main.py:3", "torch")
    failure = explain.explain(FAILURE, said, "python-2026.11", lambda package: ("torch@1", "torch@2") if package == "torch" else ())
    assert failure.reason is Reason.PACKAGE_MISSING
    assert failure.message == (
        "environment python-2026.11 has no package 'torch' (No module named 'torch'); these environments have it: torch@1, torch@2"
    )
    assert (failure.evidence.package, failure.evidence.environments) == ("torch", ("torch@1", "torch@2"))
    assert (failure.evidence.location, failure.evidence.exit_code) == ("main.py:3", 1)


def test_a_package_that_nobody_has() -> None:
    failure = explain.explain(FAILURE, Diagnosis("no", "", "torch"), "python-2026.11", nobody)
    assert failure.message.endswith("no environment of this cluster lists it")
    assert failure.evidence.environments is None


def test_a_users_error_begins_with_its_line() -> None:
    failure = explain.explain(FAILURE, Diagnosis("ValueError: bad", "main.py:3"), "python-2026.11", nobody)
    assert failure.reason is Reason.NON_ZERO_EXIT
    assert failure.message == "main.py:3: ValueError: bad\nthe program exited with code 1:\nTraceback"


def test_who_writes_where_nothing_can_be_written_is_told_where_to_write() -> None:
    said = Diagnosis("OSError: [Errno 30] Read-only file system: 'plot.png'", "main.py:3")
    head = explain.explain(FAILURE, said, "python-2026.11", nobody).message.split("\n")[0]
    assert head.startswith("main.py:3: OSError: [Errno 30] Read-only file system: 'plot.png'; ")
    assert "write results to /outputs" in head


def test_the_words_of_a_program_are_cleaned_and_cut() -> None:
    said = Diagnosis(
        "\x1b[31mpassword=hunter22 /srv/secret/place " + "x" * 5000, "/opt/fumehood/lib/x.py:1\x07" + "y" * 5000, "p\x00q" * 500
    )
    failure = explain.explain(FAILURE, said, "python-2026.11", nobody)
    assert "hunter22" not in failure.message
    assert "/srv/secret" not in failure.message
    assert "\x1b" not in failure.message
    assert len(failure.message) < 1000
    assert failure.evidence.package is not None
    assert failure.evidence.location is not None
    assert "/opt/fumehood" not in failure.evidence.location
    assert (len(failure.evidence.package), len(failure.evidence.location)) <= (63, 255)


@pytest.mark.parametrize(
    ("reason", "code", "asked"),
    [
        (Reason.NON_ZERO_EXIT, 1, True),
        (Reason.NON_ZERO_EXIT, None, False),
        (Reason.OUT_OF_MEMORY, 1, False),
        (Reason.KILLED_BY_SIGNAL, None, False),
    ],
)
def test_only_a_program_that_ended_by_itself_is_asked_about(reason: Reason, code: int | None, asked: bool) -> None:
    sealed = manifest(claim=claim(exit_code=code), stderr=wire.Log("sha256:x", 3, "k", 3, False, "end"))
    ended = explain.ended(Failure(reason, "x"), sealed)
    assert (ended is not None) is asked
    if ended:
        assert (ended.exit_code, ended.stdout, ended.stderr) == (1, "", "end")
