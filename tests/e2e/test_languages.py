"""LaTeX and R, by the environments that come with Fumehood: what they leave, and how they say what went wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Cluster, Json, job
from .results import assert_failed, fetch, manifest_of

pytestmark = pytest.mark.cluster

DOCUMENT = r"""\documentclass{article}
\usepackage{hyperref}
\begin{document}
\tableofcontents
\section{One}\label{one} See section~\ref{two}, page~\pageref{two}. \today
\newpage
\section{Two}\label{two}
\end{document}
"""
PICTURE = r"\begin{tikzpicture}\draw[->] (0,0) -- (2,1) node[right] {$x^2$};\end{tikzpicture}"
EQUATION = "\\begin{align}\na &= b + c \\\\\nd &= e\n\\end{align}\n"
FORMATS = ("pdf", "png", "svg")
PLOTS = """
x <- rnorm(100)
plot(x)
hist(x)
pdf("/outputs/own.pdf"); plot(x); invisible(dev.off())
write.csv(head(mtcars, 30), "/outputs/cars.csv")
"""


def tex(name: str, text: str, *args: str, **files: str) -> Json:
    source = {"entrypoint": "main.tex", "files": {"main.tex": text, **files}}
    return job(name, "", environment="latex", source=source, args=list(args))


def script(name: str, text: str, **spec: Any) -> Json:
    return job(name, "", **{"environment": "r", "source": {"entrypoint": "main.R", "files": {"main.R": text}}, **spec})


def succeeded(cluster: Cluster, document: Json) -> dict[str, Json]:
    done = cluster.run(document)
    assert done["status"]["phase"] == "Succeeded", done["status"]
    return {artifact["name"]: artifact for artifact in done["status"]["result"]["artifacts"]}


@pytest.mark.parametrize("engine", ["pdflatex", "lualatex", "xelatex"])
def test_a_document_is_a_pdf_with_its_references_the_same_twice(cluster: Cluster, store: Any, engine: str) -> None:
    first, second = (succeeded(cluster, tex(f"{engine}-{run}", DOCUMENT, f"--engine={engine}")) for run in ("a", "b"))
    results = {name: artifact["digest"] for name, artifact in first.items() if artifact["kind"] != "preview"}
    assert set(results) == {"main.pdf"}
    assert results == {name: artifact["digest"] for name, artifact in second.items() if artifact["kind"] != "preview"}
    assert fetch(store, first["main.pdf"]["uri"]).startswith(b"%PDF-")


@pytest.mark.parametrize(("name", "text"), [("picture", PICTURE), ("equation", EQUATION)])
def test_a_picture_and_an_equation_need_no_document(cluster: Cluster, store: Any, name: str, text: str) -> None:
    made = succeeded(cluster, tex(name, text))
    assert {artifact for artifact in made if made[artifact]["kind"] != "preview"} == {f"main.{suffix}" for suffix in FORMATS}
    assert [made[f"main.{suffix}"]["format"] for suffix in FORMATS] == list(FORMATS)
    assert b"<path" in fetch(store, made["main.svg"]["uri"])


def test_the_line_and_the_macro_at_fault_are_told_and_the_log_is_kept(cluster: Cluster, store: Any) -> None:
    done = cluster.run(tex("undefined", "\\documentclass{article}\n\\begin{document}\nHello \\foo\n\\end{document}\n"))
    failure = assert_failed(done, "USER_CODE_ERROR", "NonZeroExit")
    assert failure["evidence"]["location"] == "main.tex:3"
    assert failure["message"].startswith("main.tex:3: Undefined control sequence \\foo")
    assert [artifact["name"] for artifact in manifest_of(store, done)["artifacts"]] == ["main.log"]


def test_programs_are_not_started_from_tex(cluster: Cluster) -> None:
    text = "\\documentclass{article}\\begin{document}\\immediate\\write18{echo > /outputs/escaped}Hello\\end{document}"
    assert "escaped" not in succeeded(cluster, tex("escape", text))


@pytest.mark.parametrize(
    ("document", "package"),
    [
        (tex("no-style", "\\documentclass{article}\n\\usepackage{nosuchstyle}\n\\begin{document}\\end{document}\n"), "nosuchstyle"),
        (script("no-library", "library(nosuchlibrary)\n"), "nosuchlibrary"),
    ],
    ids=["latex", "r"],
)
def test_a_package_that_is_nowhere_is_named(cluster: Cluster, document: Json, package: str) -> None:
    failure = assert_failed(cluster.run(document), "DEPENDENCY_ERROR", "PackageMissing")
    assert failure["evidence"]["package"] == package
    assert "no environment of this cluster lists it" in failure["message"]


def test_the_environments_list_what_programs_ask_for(cluster: Cluster) -> None:
    def held(name: str) -> set[str]:
        return {package["name"] for package in cluster.get("analysisenvironment", name)["spec"]["packages"]}

    assert {"pgf", "pgfplots", "siunitx", "standalone"} <= held("latex")
    assert {"ggplot2", "dplyr", "data.table", "stats"} <= held("r")


def test_plots_without_a_device_are_kept_and_a_seed_makes_them_the_same(cluster: Cluster) -> None:
    first, second = (succeeded(cluster, script(f"plots-{run}", PLOTS, seed=7)) for run in ("a", "b"))
    names = {name for name, artifact in first.items() if artifact["kind"] != "preview"}
    assert names == {"plot-001.png", "plot-002.png", "own.pdf", "cars.csv"}
    assert all(first[name]["digest"] == second[name]["digest"] for name in names)


def test_a_table_and_a_pdf_of_r_have_previews(cluster: Cluster, store: Any) -> None:
    done = cluster.run(script("previews", PLOTS))
    previews = {entry["previewOf"]: entry for entry in done["status"]["result"]["artifacts"] if entry["kind"] == "preview"}
    assert previews["own.pdf"]["format"] == "png"
    head = json.loads(fetch(store, previews["cars.csv"]["uri"]))
    assert head["columns"][:2] == ["", "mpg"] and len(head["rows"]) == 20 and head["truncated"] is True


def test_the_line_of_an_error_in_a_function_of_r_is_told(cluster: Cluster) -> None:
    done = cluster.run(script("boom", 'f <- function(x) {\n  y <- 1\n  stop("boom ", x)\n}\n\nf(2)\n'))
    failure = assert_failed(done, "USER_CODE_ERROR", "NonZeroExit")
    assert failure["evidence"]["location"] == "main.R:3"
    assert failure["message"].startswith("main.R:3: boom 2")


def test_what_r_drew_before_it_failed_is_kept(cluster: Cluster, store: Any) -> None:
    done = cluster.run(script("half", 'plot(1:3)\nstop("enough")\n'))
    assert_failed(done, "USER_CODE_ERROR", "NonZeroExit")
    assert "plot-001.png" in {artifact["name"] for artifact in manifest_of(store, done)["artifacts"]}
