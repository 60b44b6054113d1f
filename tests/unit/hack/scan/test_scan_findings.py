"""What is accepted is accepted for what it names, and no longer than somebody objects."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from scan import programs
from scan.findings import Accepted, Finding, judge, of_checkov, of_kube_score

ROOT = Finding("CKV_1", "Pod/a", "runs as root")
KNOWN = Accepted("CKV_1", "Pod/*", "it must")


def test_a_finding_that_nobody_accepted_is_new() -> None:
    assert judge([ROOT, ROOT], []) == ([ROOT], [])


def test_what_is_accepted_is_accepted_for_that_rule_and_subject_alone() -> None:
    other = [Finding("CKV_2", "Pod/a"), Finding("CKV_1", "Deployment/a")]
    assert judge([ROOT, *other], [KNOWN]) == ([other[1], other[0]], [])


def test_what_nobody_objects_to_any_more_is_stale() -> None:
    assert judge([], [KNOWN]) == ([], [KNOWN])


def test_reports_are_read() -> None:
    failed = {"check_id": "CKV_1", "check_name": "runs as root", "resource": "Pod.lab.a.b", "file_path": "/x"}
    assert of_checkov({"results": {"failed_checks": [failed]}}) == [Finding("CKV_1", "Pod/a.b", "runs as root")]
    checks = [
        {"check": {"id": name, "name": name}, "grade": grade, "skipped": skipped}
        for name, grade, skipped in (("bad", 1, False), ("warning", 5, False), ("fine", 10, False), ("not for this", 1, True))
    ]
    report = [{"type_meta": {"kind": "Pod"}, "object_meta": {"name": "a"}, "checks": checks}]
    assert [finding.rule for finding in of_kube_score(report)] == ["bad", "warning"]


def test_everything_accepted_has_a_reason() -> None:
    accepted = yaml.safe_load((programs.HERE / "accepted.yaml").read_text())
    assert set(accepted) == {"checkov", "kube-score"}
    for entries in accepted.values():
        assert all(Accepted(**entry).reason for entry in entries)


def test_another_pin_or_source_is_another_binary(tmp_path: Path) -> None:
    module = tmp_path / "module"
    shutil.copytree(programs.HERE / "podsecurity", module)
    usual = programs.place(module)
    assert usual == programs.place(programs.HERE / "podsecurity")
    for name in ("go.mod", "go.sum", "main.go"):
        (module / name).write_text((module / name).read_text() + "\n")
        assert programs.place(module) != usual
        usual = programs.place(module)


@pytest.mark.parametrize("name", programs.PACKAGES)
def test_every_judge_is_pinned(name: str) -> None:
    folder = programs.HERE / name
    assert (folder / "go.sum").read_text()
    assert "// indirect" in (folder / "go.mod").read_text()
