"""A failure that no sandbox need cause is Fumehood's own, until it is shown to be something else."""

from __future__ import annotations

import dataclasses

import pytest

from gallery.causes import MEANING, Cause, Failed, cause, lost, undecided

ERROR = Failed("USER_CODE_ERROR", "NonZeroExit", exit_code=1)


def _printing(stderr: str, **known: object) -> Failed:
    return dataclasses.replace(ERROR, stderr=stderr, **known)  # type: ignore[arg-type]


CASES = {
    "name lookup": (_printing("urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>"), Cause.NETWORK, ""),
    "refused socket": (
        Failed(
            "SANDBOX_VIOLATION",
            "SystemCallRefused",
            stderr="urllib.error.URLError: <urlopen error>",
            exit_code=1,
            system_calls={"socket": 1},
        ),
        Cause.NETWORK,
        "",
    ),
    "a package's verdict": (Failed("DEPENDENCY_ERROR", "PackageMissing", package="seaborn"), Cause.PACKAGE, "seaborn"),
    "a package's traceback": (_printing("ModuleNotFoundError: No module named 'polars'"), Cause.PACKAGE, "polars"),
    "a package for downloads": (
        Failed("DEPENDENCY_ERROR", "PackageMissing", package="pandas_datareader"),
        Cause.NETWORK,
        "pandas_datareader",
    ),
    "R's package": (_printing("Error in library(lattice) : there is no package called ‘lattice’"), Cause.PACKAGE, "lattice"),
    "TeX's package": (
        dataclasses.replace(ERROR, message="l.3: File `lipsum.sty' not found.\nthe program ended"),
        Cause.PACKAGE,
        "lipsum.sty",
    ),
    "a program": (_printing("FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'"), Cause.PROGRAM, "ffmpeg"),
    "a figure that needs a program": (
        Failed("LOST", "FigureUnsaved", stderr="figure 2 was left open and could not be saved: ... because latex could not be found"),
        Cause.PROGRAM,
        "latex",
    ),
    "an optional package": (
        _printing("ImportError: Missing optional dependency 'plotly' required for this. Please use pip or conda to install 'plotly'."),
        Cause.PACKAGE,
        "plotly",
    ),
    "a figure that is not there": (
        Failed("LOST", "FigureUnsaved", stderr="figure 2 was left open and could not be saved: x", plain=True),
        Cause.OURS,
        "",
    ),
    "a display": (_printing("couldn't connect to display: no $DISPLAY environment variable"), Cause.DISPLAY, "$DISPLAY"),
    "a limit": (Failed("RESOURCE_LIMIT", "OutOfMemory"), Cause.LIMIT, "OutOfMemory"),
    "fails anywhere": (_printing("ZeroDivisionError: division by zero", plain=False), Cause.BROKEN, "ZeroDivisionError: division by zero"),
    "fails here alone": (
        _printing("OSError: [Errno 1] Operation not permitted", plain=True),
        Cause.OURS,
        "OSError: [Errno 1] Operation not permitted",
    ),
    "nobody looked": (_printing("OSError: [Errno 1] Operation not permitted"), Cause.OURS, "OSError: [Errno 1] Operation not permitted"),
    "never ran": (Failed("INTERNAL_ERROR", "PodLost", plain=False), Cause.OURS, "PodLost"),
    "refused and well": (
        Failed("SANDBOX_VIOLATION", "SystemCallRefused", exit_code=0, system_calls={"ptrace": 1, "socket": 2}, plain=False),
        Cause.OURS,
        "succeeded after ptrace, socket",
    ),
    "without the network, and well": (
        Failed("SANDBOX_VIOLATION", "SystemCallRefused", exit_code=0, system_calls={"socket": 2}, plain=False),
        Cause.NETWORK,
        "succeeded after socket",
    ),
    "a file beside the program": (
        _printing("OSError: [Errno 30] Read-only file system: 'test.png'"),
        Cause.READ_ONLY,
        "Read-only file system",
    ),
    "an artifact": (Failed("SANDBOX_VIOLATION", "ArtifactRejected", "link", plain=False, exit_code=1), Cause.OURS, "ArtifactRejected"),
}


@pytest.mark.parametrize("name", CASES)
def test_why(name: str) -> None:
    failed, expected, detail = CASES[name]
    found, said = cause(failed)
    assert found is expected
    assert not detail or said == detail


def test_what_it_printed_before_it_went_on_does_not_matter() -> None:
    early = "ModuleNotFoundError: No module named 'polars'\n" + "a line\n" * 5
    assert cause(_printing(early + "ValueError: x"))[0] is Cause.OURS


def test_a_run_without_a_sandbox_is_for_what_it_can_decide() -> None:
    wanted = {name for name, (failed, _, _) in CASES.items() if undecided(failed)}
    assert wanted == {"nobody looked"}


def test_a_figure_that_was_not_saved_is_no_success() -> None:
    assert lost("a warning\nfigure 1 was left open and could not be saved: no latex\n")
    assert not lost("figure 1 is saved\n")


def test_every_cause_has_a_meaning() -> None:
    assert set(MEANING) == set(Cause)
