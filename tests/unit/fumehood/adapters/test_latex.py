"""The latex adapter: what it starts, and what it reads in TeX's messages (each as TeX Live 2024 wrote it)."""

from __future__ import annotations

import time

import pytest

from fumehood.adapters.latex import LatexAdapter
from fumehood.core.program import Diagnosis, Ended, Program

ADAPTER = LatexAdapter()


def diagnose(stderr: str) -> Diagnosis | None:
    return ADAPTER.diagnose(Ended(1, "", stderr))


def test_the_driver_is_started_with_the_source_and_the_options() -> None:
    command = ADAPTER.execute(Program("paper/main.tex", ("--engine=lualatex", "$(id)")))
    assert command.argv == ("sh", ".fumehood/fumehood_latex.sh", "paper/main.tex", "--engine=lualatex", "$(id)")
    assert command.env == {}


def test_what_the_driver_needs_is_staged_beside_it() -> None:
    staged = ADAPTER.prepare(Program("main.tex"))
    driver = staged["fumehood_latex.sh"]
    assert set(staged) == {"fumehood_latex.sh", "fumehood_picture.tex", "fumehood_equation.tex", "fumehood_previews.sh"}
    assert "-no-shell-escape" in driver and "openout_any=p" in driver


@pytest.mark.parametrize(
    ("stderr", "message", "location"),
    [
        ("main.tex:3: Undefined control sequence.\nl.3 Hello \\foo\n", "Undefined control sequence \\foo", "main.tex:3"),
        (
            "paper/ch/a.tex:4: Undefined control sequence.\n\\wrong ->\\undefinedinside \nl.4 \\textbf{\\wrong}\n",
            "Undefined control sequence \\undefinedinside",
            "paper/ch/a.tex:4",
        ),
        ("main.tex:4: Missing $ inserted.\n<inserted text> \n                $\nl.4 \n", "Missing $ inserted.", "main.tex:4"),
        ("main.tex:9: Undefined control sequence.\n", "Undefined control sequence.", "main.tex:9"),
        (
            "fig.tex:3: Package tikz Error: Giving up on this path. Did you forget a semicolon?.\n"
            "See the tikz package documentation for explanation.\nType  H <return>  for immediate help.\nl.3 \\end{tikzpicture}\n",
            "Package tikz Error: Giving up on this path. Did you forget a semicolon?.",
            "fig.tex:3",
        ),
        ("! LaTeX Error: File `chapters/one.tex' not found.\n", "LaTeX Error: File `chapters/one.tex' not found.", ""),
    ],
)
def test_the_users_line_and_the_token_at_fault(stderr: str, message: str, location: str) -> None:
    assert diagnose(stderr) == Diagnosis(message, location)


@pytest.mark.parametrize(
    ("file", "package"),
    [("nosuchpkg.sty", "nosuchpkg"), ("tikz.sty", "pgf"), ("scrartcl.cls", "koma-script"), ("IEEEtran.cls", "IEEEtran")],
)
def test_a_missing_file_of_a_package_names_the_package(file: str, package: str) -> None:
    found = diagnose(f"! LaTeX Error: File `{file}' not found.\n")
    assert found == Diagnosis(f"LaTeX Error: File `{file}' not found.", "", package)


@pytest.mark.parametrize("stderr", ["", "nothing of TeX\n", "--engine=x is no option of the latex adapter\n"])
def test_what_is_no_error_of_tex_says_nothing(stderr: str) -> None:
    assert diagnose(stderr) is None


@pytest.mark.parametrize(
    "text", ["a.tex:1: " * 500, "! " * 2000, "a" * 4096, "main.tex:3: Undefined control sequence.\n" + "\\a" * 2000, "! File `" * 600]
)
def test_hostile_text_is_read_in_linear_time_and_bounded(text: str) -> None:
    def cost(times: int) -> float:
        began = time.process_time()
        found = diagnose(text * times)
        assert found is None or len(found.message) + len(found.location) <= 1000
        return time.process_time() - began

    few = max(min(cost(4) for _ in range(3)), 1e-4)
    assert min(cost(64) for _ in range(3)) < 16 * 8 * few
