"""No cluster, no store, and nothing to wait for."""

from __future__ import annotations

import pytest

from fumehood.executors.kubernetes import probe


@pytest.fixture(autouse=True)
def _probes_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "POLL", 0.0)
