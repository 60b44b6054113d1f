"""The corpus itself: complete, readable, and harmless wherever its programs run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fumehood.api.v1alpha1 import AnalysisJob
from fumehood.core.failures import CATEGORY, Reason
from fumehood.selftest.cases import Case, CorpusError, folder, load, merged, ordinary
from fumehood.selftest.levels import Level

HERE = Path(__file__).resolve().parent
CORPUS = load(HERE)
RUN = [case for case in CORPUS if case.about.expect]


def ids(cases: list[Case] | tuple[Case, ...]) -> list[str]:
    return [case.id for case in cases]


def job(spec: dict[str, object]) -> AnalysisJob:
    return AnalysisJob.model_validate({"metadata": {"name": "x"}, "spec": spec})


def test_every_behaviour_is_there_once() -> None:
    assert ids(CORPUS) == [f"H{number:02}" for number in range(1, 77)]


def test_a_checkout_finds_its_corpus() -> None:
    assert folder() == HERE


@pytest.mark.parametrize("case", CORPUS, ids=ids(CORPUS))
def test_verdicts_are_of_the_closed_list(case: Case) -> None:
    for level in Level:
        for landlock in (False, True):
            expected = case.expected(level, landlock=landlock)
            for category, _, reason in (verdict.partition("/") for verdict in expected.verdict) if expected else ():
                if reason:
                    assert CATEGORY[Reason(reason)] == category


@pytest.mark.parametrize("case", RUN, ids=ids(RUN))
def test_its_job_is_a_job(case: Case) -> None:
    assert job(case.spec("python")).spec.source.files


@pytest.mark.parametrize("case", [case for case in CORPUS if case.about.refused], ids=lambda case: case.id)
def test_what_the_api_server_must_refuse_the_models_refuse(case: Case) -> None:
    for refusal in case.about.refused:
        with pytest.raises(ValueError, match="validation error"):
            job(merged(ordinary("python"), refusal.spec))


@pytest.mark.parametrize("case", RUN, ids=ids(RUN))
def test_its_program_is_bounded(case: Case) -> None:
    """Also where nothing contains it: no endless loop, no fork in a loop without a count, no number that fills a disk."""
    for name, text in case.files.items():
        for node in ast.walk(ast.parse(text, name)):
            if isinstance(node, ast.While):
                assert not isinstance(node.test, ast.Constant), f"{name}:{node.lineno}: has no end"
                forks = [call for call in ast.walk(node) if isinstance(call, ast.Attribute) and call.attr == "fork"]
                assert not forks, f"{name}:{node.lineno}: forks without a count"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
                assert all(item.value <= 1_000_000 for item in node.args if isinstance(item, ast.Constant)), f"{name}:{node.lineno}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
                assert all(item.value <= 60 for item in node.args if isinstance(item, ast.Constant)), f"{name}:{node.lineno}"


def test_a_case_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    case = tmp_path / "H01-x"
    case.mkdir()
    (case / "main.py").write_text("")
    good = "title: A title\nattempt: It tries something.\n"
    for text, named in (
        ("{", "case.yaml"),
        (good, "give expect, refused or impossible"),
        (good + "expect: {verdict: Failed}", "none of Succeeded"),
        (good + "expect: {verdict: Succeeded, artefacts: []}", "artefacts"),
        (good + "expect: {verdict: Succeeded}\nlevels: {kata: {because: it is another, expect: {calls: x}}}", "levels"),
        (good + "expect: {verdict: Succeeded}\nlevels: {runc: {because: it is another, expect: {verdict: Nope}}}", "none of Succeeded"),
    ):
        (case / "case.yaml").write_text(text)
        with pytest.raises(CorpusError, match=named):
            load(tmp_path)


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(CorpusError, match="H99"):
        load(HERE, ["H01", "H99"])
    assert ids(load(HERE, ["H07", "H01"])) == ["H01", "H07"]
