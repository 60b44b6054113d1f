"""What is run: programs as they are, with what they need beside them, and always the same sample of them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from fumehood.api.v1alpha1.common import FILE_NAME
from gallery import collect, sources
from gallery.analyses import Analysis
from gallery.sample import sample

ROOT = Path(__file__).resolve().parents[4]


def _analysis(source: str, path: str) -> Analysis:
    return Analysis(source, path, "python", "main.py", {"main.py": b""})


MANY = [_analysis(source, f"{at}.py") for source, count in (("large", 60), ("small", 19), ("tiny", 1)) for at in range(count)]


def test_a_sample_has_its_part_of_each_source() -> None:
    drawn = [one.source for one in sample(MANY, 40)]
    assert [drawn.count(source) for source in ("large", "small", "tiny")] == [29, 10, 1]


def test_a_sample_is_the_same_whatever_order_they_come_in() -> None:
    assert sample(MANY, 40) == sample(reversed(MANY), 40)


def test_a_larger_sample_holds_the_smaller_one() -> None:
    assert set(sample(MANY, 10)) < set(sample(MANY, 40)) < set(sample(MANY, 1000)) == set(MANY)


def test_names_of_jobs_are_valid_and_of_one_analysis_each() -> None:
    odd = [_analysis("s", path) for path in ("a_b.py", "a-b.py", "A-b.py", "x" * 300 + ".py", "x" * 301 + ".py", "grüße/é.py")]
    names = [one.name for one in odd]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name) for name in names)


def test_examples_come_with_the_modules_that_they_import_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "matplotlib-1.0/galleries/examples/units"
    folder.mkdir(parents=True)
    (folder / "plot.py").write_text("import basic_units, numpy\nfrom os import path\n")
    (folder / "basic_units.py").write_text("import math\n")
    (folder / "gui_sgskip.py").write_text("import tkinter\n")
    (folder / "README.txt").write_text("units")
    found = {one.path: sorted(one.files) for one in collect.python("matplotlib", tmp_path)}
    assert found == {"units/plot.py": ["basic_units.py", "plot.py"], "units/basic_units.py": ["basic_units.py"]}


def test_r_is_asked_for_what_it_brings_along() -> None:
    found = collect.r("# a comment\ndemo graphics persp image\n")
    assert [one.id for one in found] == ["r:demo/graphics/persp", "r:demo/graphics/image"]
    assert found[0].files["main.R"] == b'demo("persp", package = "graphics", character.only = TRUE, ask = FALSE)\n'


def test_documents_are_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "doc/latex/beamer"
    folder.mkdir(parents=True)
    (folder / "talk.tex.gz").write_bytes(gzip.compress(b"\\input{body}"))
    (folder / "body.tex").write_bytes(b"body")
    (talk,) = collect.tex("doc/latex/beamer/talk.tex body.tex\n", tmp_path)
    assert (talk.path, talk.entrypoint, dict(talk.files)) == (
        "beamer/talk.tex",
        "talk.tex",
        {"talk.tex": b"\\input{body}", "body.tex": b"body"},
    )


def test_the_committed_lists_name_each_thing_once() -> None:
    found = collect.r(collect.TOPICS.read_text())
    assert len({one.id for one in found}) == len(found) > 150
    documents = [line.split()[0] for line in collect.DOCUMENTS.read_text().splitlines() if not line.startswith("#")]
    assert len(set(documents)) == len(documents) > 20
    assert all(re.fullmatch(FILE_NAME, Path(document).name) for document in documents)


def test_examples_are_of_the_versions_that_the_environment_has() -> None:
    environment = (ROOT / "images/python/requirements.lock").read_text()
    pins = re.findall(r"^([\w-]+==\S+) --hash=sha256:[0-9a-f]{64}$", sources.LOCK.read_text(), re.MULTILINE)
    assert len(pins) == 3
    assert all(re.search(rf"^{re.escape(pin)} ", environment, re.MULTILINE) for pin in pins)
