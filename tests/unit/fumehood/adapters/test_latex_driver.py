"""The driver of the latex adapter, with programs in place of TeX that do what a test needs."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from fumehood.adapters.latex import LatexAdapter
from fumehood.core.program import Ended, Program
from fumehood_sandbox import wire
from unit.fumehood.adapters.sandbox import LIMITS

DOCUMENT = "\\documentclass{article}\\begin{document}Hello\\end{document}\n"
# Each run is noted with its last argument; the first runs of a document that refers to something differ.
ENGINE = """#!/bin/sh
for start; do :; done
printf '%s\\n' "$start" >> "$NOTES/runs"
run=$(wc -l < "$NOTES/runs")
printf '%s\\n' '\\relax' > main.aux
[ "$run" -gt "${SETTLED:-0}" ] && run=$SETTLED
[ -z "$run" ] || printf '%s\\n' "\\newlabel{a}{$run}" >> main.aux
if [ -f "$NOTES/log" ]; then cp "$NOTES/log" main.log; exit 1; fi
echo '%PDF' > main.pdf
"""
PDFINFO = '#!/bin/sh\necho "Pages:           ${PAGES:-1}"; echo "Page size:       595.276 x 841.89 pts (A4)"\n'
PDFTOCAIRO = '#!/bin/sh\nfor target; do :; done\ncase $1 in -png) target=$target.png ;; esac\necho "$@" > "$target"\n'


class Sandbox:
    """Folders as a job has them, and stand-ins first on PATH."""

    def __init__(self, root: Path) -> None:
        self.work, self.outputs, self.notes = root / "work", root / "outputs", root / "notes"
        for folder in (self.work / ".fumehood", self.outputs, self.notes, root / "home", root / "tmp", root / "bin"):
            folder.mkdir(parents=True)
        self.root = root
        for name, text in (("pdflatex", ENGINE), ("pdfinfo", PDFINFO), ("pdftocairo", PDFTOCAIRO)):
            program = root / "bin" / name
            program.write_text(text)
            program.chmod(0o755)

    def run(self, source: str, *args: str, limits: wire.Limits = LIMITS, **environ: str) -> subprocess.CompletedProcess[str]:
        (self.work / "main.tex").write_text(source)
        program = Program("main.tex", args, limits=limits)
        for name, text in LatexAdapter().prepare(program).items():
            (self.work / ".fumehood" / name).write_text(text)
        command, preview = LatexAdapter().execute(program), LatexAdapter().preview(program)
        assert preview is not None
        environment = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "FUMEHOOD_OUTPUTS": str(self.outputs),
            "SOURCE_DATE_EPOCH": "315532800",
            "NOTES": str(self.notes),
        }
        done, _ = (
            subprocess.run(one.argv, cwd=self.work, env=environment | one.env | environ, capture_output=True, text=True, check=False)
            for one in (command, preview)
        )
        return done

    def runs(self) -> list[str]:
        return (self.notes / "runs").read_text().splitlines()

    def results(self) -> set[str]:
        return {path.relative_to(self.outputs).as_posix() for path in self.outputs.rglob("*") if path.is_file()}


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


def test_a_document_that_refers_to_nothing_is_run_once(sandbox: Sandbox) -> None:
    assert sandbox.run(DOCUMENT).returncode == 0
    assert sandbox.runs() == ["\\input{main.tex}"]
    assert {"main.pdf", "main.svg", "main.png", ".previews/main.pdf.png"} <= sandbox.results()


@pytest.mark.parametrize(("settled", "runs"), [(1, 2), (2, 3), (100, 5)])
def test_tex_runs_until_nothing_changes_but_not_for_ever(sandbox: Sandbox, settled: int, runs: int) -> None:
    assert sandbox.run(DOCUMENT, SETTLED=str(settled)).returncode == 0
    assert len(sandbox.runs()) == runs


def test_of_several_pages_the_pdf_alone_is_left_unless_more_is_asked_for(sandbox: Sandbox) -> None:
    assert sandbox.run(DOCUMENT, PAGES="2").returncode == 0
    assert sandbox.results() == {"main.pdf", ".previews/main.pdf.png"}
    (sandbox.root / "tmp" / "latex").rename(sandbox.root / "tmp" / "before")
    assert sandbox.run(DOCUMENT, "--formats=png", PAGES="2").returncode == 0
    assert {"main-1.png", "main-2.png"} <= sandbox.results()


@pytest.mark.parametrize("limits", [{"files": 10}, {"disk": 1 << 20}])
def test_there_are_no_previews_where_they_would_come_near_a_limit(sandbox: Sandbox, limits: dict[str, int]) -> None:
    assert sandbox.run(DOCUMENT, "--formats=pdf", limits=dataclasses.replace(LIMITS, **limits)).returncode == 0
    assert sandbox.results() == {"main.pdf"}


def test_a_preview_that_fails_is_no_loss(sandbox: Sandbox) -> None:
    (sandbox.root / "bin" / "pdftocairo").write_text('#!/bin/sh\nfor target; do :; done\necho partly > "$target.png"\nkill -9 $$\n')
    assert sandbox.run(DOCUMENT, "--formats=pdf").returncode == 0
    assert sandbox.results() == {"main.pdf"}


def test_pages_without_number_have_no_previews_without_number(sandbox: Sandbox) -> None:
    assert sandbox.run(DOCUMENT, "--formats=png", PAGES="30").returncode == 0
    assert len(sandbox.results()) == 30 + 20


@pytest.mark.parametrize(
    ("source", "wrapper"), [("\\begin{tikzpicture}\\end{tikzpicture}", "picture"), ("% \\documentclass\n\\[ a \\]", "equation")]
)
def test_what_is_no_document_is_put_into_one(sandbox: Sandbox, source: str, wrapper: str) -> None:
    assert sandbox.run(source, "--formats=pdf").returncode == 0
    assert sandbox.runs()[0] == f"\\def\\FumehoodSource{{main.tex}}\\input{{fumehood_{wrapper}.tex}}"


@pytest.mark.parametrize("option", ["--engine=sh", "--engine=", "--formats=ps", "--shell-escape", "--date=yesterday", "main.tex"])
def test_options_that_there_are_not_are_refused_by_name(sandbox: Sandbox, option: str) -> None:
    done = sandbox.run(DOCUMENT, option)
    assert done.returncode == 2 and not sandbox.results()
    assert option.removeprefix("--formats=") in done.stderr


def test_an_old_result_beside_the_source_is_no_result(sandbox: Sandbox) -> None:
    (sandbox.work / "main.pdf").write_text("of yesterday")
    assert sandbox.run(DOCUMENT).returncode == 0
    assert (sandbox.work / "main.pdf").read_text() == "of yesterday"
    assert (sandbox.outputs / "main.pdf").read_text() == "%PDF\n"


def test_the_first_error_is_told_and_the_log_is_kept(sandbox: Sandbox) -> None:
    log = (
        "This is pdfTeX\n(./main.tex\n./main.tex:3: Undefined control sequence.\nl.3 Hello \\foo\n               bar\n"
        "The control sequence at the end of the top line\n./main.tex:3:  ==> Fatal error occurred, no output PDF file produced!\n"
    )
    (sandbox.notes / "log").write_text(log)
    done = sandbox.run(DOCUMENT)
    assert done.returncode == 1
    assert done.stderr == "main.tex:3: Undefined control sequence.\nl.3 Hello \\foo\n"
    assert (sandbox.outputs / "main.log").read_text() == log
    found = LatexAdapter().diagnose(Ended(1, done.stdout, done.stderr))
    assert found and (found.message, found.location) == ("Undefined control sequence \\foo", "main.tex:3")


def test_after_a_missing_file_nothing_else_is_told(sandbox: Sandbox) -> None:
    log = (
        "\n! LaTeX Error: File `nosuchpkg.sty' not found.\n\nType X to quit or <RETURN> to proceed,\n"
        "or enter new name. (Default extension: sty)\n\nEnter file name: \n./main.tex:3: Emergency stop.\n<read *> \n"
    )
    (sandbox.notes / "log").write_text(log)
    done = sandbox.run(DOCUMENT)
    assert done.stderr == "! LaTeX Error: File `nosuchpkg.sty' not found.\n"
