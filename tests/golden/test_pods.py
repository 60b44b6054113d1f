"""Whole Pods as they were agreed on: a change shows here, line by line. `--update-golden` rewrites."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden import rendering


@pytest.mark.parametrize("case", rendering.cases(), ids=lambda path: path.name)
def test_the_pod_is_the_one_that_was_agreed_on(case: Path, update_golden: bool) -> None:
    expected = case / "expected.yaml"
    found = rendering.rendered(case)
    if update_golden:
        expected.write_text(found)
    assert found == expected.read_text(), "if this is meant: pytest --update-golden, and read the difference"
