"""From folders to analyses: which programs there are, and what each needs beside it."""

from __future__ import annotations

import ast
import fnmatch
import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gallery import sources
from gallery.analyses import Analysis

TOPICS = sources.HERE / "topics.txt"
DOCUMENTS = sources.HERE / "documents.txt"


@dataclass(frozen=True)
class Examples:
    """The examples of one source distribution: those that its own documentation runs."""

    folder: str  # below the unpacked distributions
    pattern: str
    skipped: str = ""  # shown in its documentation, not run


PYTHON = {
    "matplotlib": Examples("matplotlib-*/galleries/examples", "**/*.py", "*sgskip*"),
    "scikit-learn": Examples("scikit_learn-*/examples", "**/plot_*.py"),
    "statsmodels": Examples("statsmodels-*/examples/python", "*.py"),
    "statsmodels-notebooks": Examples("statsmodels-*/examples/notebooks", "*.ipynb"),
}


def python(source: str, distributions: Path) -> tuple[Analysis, ...]:
    """Return the examples of one Python package, from the folder of unpacked distributions."""
    examples = PYTHON[source]
    (root,) = distributions.glob(examples.folder)
    paths = sorted(path for path in root.glob(examples.pattern) if not fnmatch.fnmatch(path.name, examples.skipped))
    return tuple(
        Analysis(source, path.relative_to(root).as_posix(), "python", path.name, {file.name: file.read_bytes() for file in _program(path)})
        for path in paths
    )


def _program(path: Path) -> Iterator[Path]:
    """Yield a program and the modules beside it that it imports."""
    yield path
    if path.suffix == ".py":
        beside = {path.with_name(f"{name}.py") for name in _imported(path.read_text(encoding="utf-8"))}
        yield from sorted(module for module in beside if module.is_file() and module != path)


def _imported(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def r(topics: str) -> tuple[Analysis, ...]:
    """Return R's demonstrations and examples, which R brings along itself: each program only names one of them."""
    found = []
    for verb, package, *names in (line.split() for line in _lines(topics)):
        for name in names:
            code = f'{verb}("{name}", package = "{package}", character.only = TRUE, ask = FALSE)\n'
            found.append(Analysis("r", f"{verb}/{package}/{name}", "r", "main.R", {"main.R": code.encode()}))
    return tuple(found)


def tex(documents: str, share: Path) -> tuple[Analysis, ...]:
    """Return TeX Live's sample documents, from the folder that stands for usr/share."""
    found = []
    for document, *beside in (line.split() for line in _lines(documents)):
        path = share / document
        files = {name: _unzipped(path.with_name(name)) for name in (path.name, *beside)}
        found.append(Analysis("texlive", document.partition("/latex/")[2], "latex", path.name, files))
    return tuple(found)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _unzipped(path: Path) -> bytes:
    """Debian packs what is longer than a page."""
    packed = path.with_name(path.name + ".gz")
    return path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())


def collectors() -> dict[str, Callable[[], tuple[Analysis, ...]]]:
    """Return how the analyses of each source are had, by its name."""

    def of(source: str) -> Callable[[], tuple[Analysis, ...]]:
        return lambda: python(source, sources.distributions())

    return {
        **{source: of(source) for source in PYTHON},
        "r": lambda: r(TOPICS.read_text(encoding="utf-8")),
        "texlive": lambda: tex(DOCUMENTS.read_text(encoding="utf-8"), sources.documents() / "usr/share"),
    }


def collect(names: Iterable[str]) -> tuple[Analysis, ...]:
    """Return all analyses of the named sources, fetched where they are not here yet.

    Raises:
        SourcesError: they cannot be had.
    """
    known = collectors()
    return tuple(analysis for name in names for analysis in known[name]())
