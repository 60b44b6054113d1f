"""Figures that a program leaves open are results, and the same figures are the same bytes."""

from __future__ import annotations

import dataclasses

import pytest

from unit.fumehood.adapters.sandbox import LIMITS, Sandbox

PLOT = "import matplotlib.pyplot as plt\n"
PNG = b"\x89PNG"


def test_open_figures_are_saved(sandbox: Sandbox) -> None:
    sandbox.script(PLOT + "plt.plot([1, 2])\nfig, axes = plt.subplots(2)\naxes[0].plot([3])\nplt.figure()")
    left = sandbox.left()
    assert list(left) == ["figure-1.png", "figure-2.png"]  # and the empty third is none
    assert all(content.startswith(PNG) for content in left.values())


@pytest.mark.parametrize(
    "end",
    [
        "plt.savefig(os.environ['FUMEHOOD_OUTPUTS'] + '/own.png')",
        "plt.gcf().savefig(os.environ['FUMEHOOD_OUTPUTS'] + '/own.png')",
        "plt.gcf().canvas.print_figure(os.environ['FUMEHOOD_OUTPUTS'] + '/own.png')",
    ],
)
def test_what_the_program_saved_is_not_saved_again(sandbox: Sandbox, end: str) -> None:
    sandbox.script(f"import os\n{PLOT}plt.plot([1, 2])\n{end}")
    assert list(sandbox.left()) == ["own.png"]


@pytest.mark.parametrize("end", ["import io; plt.savefig(io.BytesIO())", "plt.close()", "plt.close('all')"])
def test_figures_that_the_program_is_done_with_are_not_saved(sandbox: Sandbox, end: str) -> None:
    sandbox.script(PLOT + "plt.plot([1, 2])\n" + end)
    assert sandbox.left() == {}


def test_they_are_saved_after_an_error(sandbox: Sandbox) -> None:
    done = sandbox.script(PLOT + "plt.plot([1, 2])\n1 / 0", check=False)
    assert done.returncode == 1
    assert list(sandbox.left()) == ["figure-1.png"]


def test_a_name_that_is_taken_is_not_overwritten(sandbox: Sandbox) -> None:
    sandbox.script("import os\n" + PLOT + "open(os.environ['FUMEHOOD_OUTPUTS'] + '/figure-1.png', 'w').write('own')\nplt.plot([1])")
    left = sandbox.left()
    assert left["figure-1.png"] == b"own"
    assert left["figure-1-2.png"].startswith(PNG)


def test_no_more_than_there_may_be_artifacts(sandbox: Sandbox) -> None:
    code = "import os\n" + PLOT + "open(os.environ['FUMEHOOD_OUTPUTS'] + '/a', 'w')\nfor i in range(4):\n    plt.figure(); plt.plot([i])"
    done = sandbox.script(code, limits=dataclasses.replace(LIMITS, artifacts=3))
    assert list(sandbox.left()) == ["a", "figure-1.png", "figure-2.png"]
    assert done.stderr.count("was left open and is not saved: there are too many files") == 2


def test_one_that_cannot_be_drawn_is_told_and_costs_nothing_else(sandbox: Sandbox) -> None:
    done = sandbox.script(PLOT + "plt.plot([1])\nplt.title('$\\\\nonsense{$')\nplt.figure(); plt.plot([1])")
    assert done.stderr.startswith("figure 1 was left open and is not saved:")
    assert list(sandbox.left()) == ["figure-2.png"]


def test_an_environment_may_want_none(sandbox: Sandbox) -> None:
    sandbox.script(PLOT + "plt.plot([1])", env={"FUMEHOOD_FIGURES": "0"})
    assert sandbox.left() == {}


def test_without_matplotlib_there_is_nothing_to_save(sandbox: Sandbox) -> None:
    assert sandbox.script("import sys; sys.modules['matplotlib'] = None\nprint('well')").stderr == ""


def test_the_same_figure_is_the_same_bytes(sandbox: Sandbox) -> None:
    code = (
        "import os\n"
        + PLOT
        + "plt.plot([1, 2], marker='o', clip_on=True)\nplt.fill_between([1, 2], [0, 1], hatch='/')\n"
        + "for kind in ('png', 'pdf', 'svg'): plt.savefig(os.environ['FUMEHOOD_OUTPUTS'] + '/plot.' + kind)"
    )
    sandbox.script(code)
    first = sandbox.left()
    sandbox.script(code)
    assert sandbox.left() == first
    assert set(first) == {"plot.png", "plot.pdf", "plot.svg"}


def test_the_programs_own_settings_of_matplotlib_count(sandbox: Sandbox) -> None:
    code = "import matplotlib; print(matplotlib.rcParams['lines.linewidth'], matplotlib.get_backend().lower())"
    assert sandbox.run({"main.py": code, "matplotlibrc": "lines.linewidth: 7"}).stdout == "7.0 agg\n"
