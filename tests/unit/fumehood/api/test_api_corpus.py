"""The models as the first judge of every manifest; the API server is the second (tests/e2e/test_api.py)."""

from __future__ import annotations

import pytest

from golden import corpus


@pytest.mark.parametrize("case", corpus.valid(), ids=str)
def test_accepts(case: corpus.Case) -> None:
    assert corpus.models_verdict(case.document) == []


@pytest.mark.parametrize("case", corpus.invalid(), ids=str)
def test_refuses_and_names_the_field(case: corpus.Case) -> None:
    paths = corpus.models_verdict(case.document)
    assert any(f"{path}.".startswith(f"{case.field}.") or f"{case.field}.".startswith(f"{path}.") for path in paths), paths


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(corpus.valid()) >= 25
    assert len(corpus.invalid()) >= 50
