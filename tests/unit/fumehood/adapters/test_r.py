"""The r adapter: what it starts, and what it reads in R's messages (each as R 4.5 wrote it)."""

from __future__ import annotations

import time

import pytest

from fumehood.adapters.r import RAdapter
from fumehood.core.program import Diagnosis, Ended, Program
from unit.fumehood.adapters.sandbox import LIMITS

ADAPTER = RAdapter()


def diagnose(stderr: str) -> Diagnosis | None:
    return ADAPTER.diagnose(Ended(1, "", stderr))


def test_the_program_runs_as_itself_with_its_arguments() -> None:
    command = ADAPTER.execute(Program("main.R", ("$(id)", "a b"), cpus=3))
    assert command.argv == ("Rscript", "--no-save", "--no-restore", "--no-environ", "--no-site-file", "main.R", "$(id)", "a b")
    assert command.env["R_PROFILE_USER"] == "/work/.fumehood/fumehood_profile.R"
    assert command.env["R_DATATABLE_NUM_THREADS"] == "3"


def test_previews_know_the_limits_on_files() -> None:
    assert ADAPTER.preview(Program("main.R")) is None
    found = ADAPTER.preview(Program("main.R", limits=LIMITS))
    assert found is not None
    assert found.argv[-2:] == (str(LIMITS.files), str(LIMITS.disk))


def test_the_profile_and_the_previews_are_staged() -> None:
    assert set(ADAPTER.prepare(Program("main.R"))) == {"fumehood_profile.R", "fumehood_previews.R"}


@pytest.mark.parametrize(
    ("stderr", "message", "location"),
    [
        ("Error in f(2) : boom 2\nCalls: g -> f\n  at main.R:3\nExecution halted\n", "boom 2", "main.R:3"),
        (
            'Warning message:\nIn log(-1) : NaNs produced\nError in x + "a" : non-numeric argument to binary operator\n'
            "  at main.R:5\nExecution halted\n",
            "non-numeric argument to binary operator",
            "main.R:5",
        ),
        ("Error: plain\n  at main.R:1\nExecution halted\n", "plain", "main.R:1"),
        ("Error in a::b(x) : first\nError in h(1) : in lib\n  at lib.R:3\nExecution halted\n", "in lib", "lib.R:3"),
        ("Error in stats::lm(y ~ x) : \n  object 'y' not found\n  at main.R:2\n", "object 'y' not found", "main.R:2"),
        ("Error: main.R:3:3: unexpected symbol\n2: y <- (2 +\n3: z z\n     ^\n", "unexpected symbol", "main.R:3"),
        (
            "Error in `geom_point()`:\n! Problem while computing aesthetics.\nℹ Error occurred in the 1st layer.\n"
            "Caused by error:\n! object 'nosuch' not found\n  at main.R:3\nExecution halted\n",
            "Problem while computing aesthetics. object 'nosuch' not found",
            "main.R:3",
        ),
        ("Error in f() : killed before the place was told", "killed before the place was told", ""),
    ],
)
def test_the_users_line_and_the_message(stderr: str, message: str, location: str) -> None:
    assert diagnose(stderr) == Diagnosis(message, location)


def test_a_missing_package_is_named() -> None:
    found = diagnose("Error in library(nosuchpkg) : there is no package called ‘nosuchpkg’\n  at main.R:2\nExecution halted\n")
    assert found == Diagnosis("there is no package called ‘nosuchpkg’", "main.R:2", "nosuchpkg")


@pytest.mark.parametrize("stderr", ["", "Warning message:\nIn log(-1) : NaNs produced\n", "Execution halted\n"])
def test_what_is_no_error_of_r_says_nothing(stderr: str) -> None:
    assert diagnose(stderr) is None


@pytest.mark.parametrize(
    "text", ["Error in " * 400, "Error in a: \n" * 300, "Error: x\n  at a:" * 200, "Caused by error" * 300, " " * 4096]
)
def test_hostile_text_is_read_in_linear_time_and_bounded(text: str) -> None:
    def cost(times: int) -> float:
        began = time.process_time()
        found = diagnose(text * times)
        assert found is None or len(found.message) + len(found.location) <= 1200
        return time.process_time() - began

    few = max(min(cost(4) for _ in range(3)), 1e-4)
    assert min(cost(64) for _ in range(3)) < 16 * 8 * few
