"""What all tests share: options and the generator's profile."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every machine: a test that fails here fails there.
settings.register_profile("fumehood", derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fumehood")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected files of tests/golden; look at the difference")


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
