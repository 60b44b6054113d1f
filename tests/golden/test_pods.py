"""Whole Pods as they were agreed on: a change shows here, line by line. `--update-golden` rewrites."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from golden import rendering


@pytest.mark.parametrize("case", rendering.cases(), ids=lambda path: path.name)
def test_the_pod_is_the_one_that_was_agreed_on(case: Path, update_golden: bool) -> None:
    compare(rendering.rendered(case), case / "expected.yaml", update_golden)


def test_the_probe_is_the_one_that_was_agreed_on(update_golden: bool) -> None:
    settings = yaml.safe_load((rendering.PROBE / "settings.yaml").read_text())
    compare(rendering.dumped(rendering.probe_of(settings)), rendering.PROBE / "expected.yaml", update_golden)


def compare(found: str, expected: Path, update: bool) -> None:
    if update:
        expected.write_text(found)
    assert found == expected.read_text(), "if this is meant: pytest --update-golden, and read the difference"
