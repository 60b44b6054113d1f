"""The documents: their examples are valid, their links lead somewhere, and what is quoted is what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from chart import ROOT

from fumehood.api.v1alpha1 import AnalysisEnvironment, AnalysisJob, Input
from fumehood.cli import app
from fumehood.core import recipe
from fumehood.core.limits import MAXIMUMS, grant

EXAMPLES = sorted(path for path in (ROOT / "docs" / "examples").glob("**/*.yaml") if "kind: AnalysisJob" in path.read_text())
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("charts/**/*.md")])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_valid(path: Path) -> None:
    job = AnalysisJob.model_validate(yaml.safe_load(path.read_text()))
    assert job.metadata.name == path.stem
    assert grant(job.spec.limits, MAXIMUMS, MAXIMUMS, harvest=300.0)
    for name, text in (job.spec.source.files or {}).items():
        if name.endswith(".py"):
            compile(text, name, "exec")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize(
    ("page", "examples"),
    [
        ("README.md", ("hello",)),
        ("docs/guides/first-job.md", ("hello",)),
        ("docs/guides/reproduce-a-result.md", ("coin",)),
        ("docs/guides/latex-and-r.md", ("pipeline", "cars")),
    ],
)
def test_examples_are_quoted_as_they_are(page: str, examples: tuple[str, ...]) -> None:
    quoted = re.findall(r"```yaml\n(apiVersion.*?)```", (ROOT / page).read_text(), re.DOTALL)
    texts = [(ROOT / f"docs/examples/{example}.yaml").read_text() for example in examples]
    assert quoted[: len(texts)] == [text[text.index("apiVersion") :] for text in texts]


def test_the_reasons_that_the_guide_explains_are_those_that_there_are() -> None:
    page = (ROOT / "docs/guides/reproduce-a-result.md").read_text()
    code = "".join((ROOT / "operator/fumehood" / name).read_text() for name in ("reuse.py", "core/cachekey.py"))
    named = set(re.findall(r"^\| `(.+)` \|", page, re.MULTILINE)) - {"SOURCE_DATE_EPOCH", "spec.seed"}
    said = set(re.findall(r"(?:Miss|Unknown)\(f?\"([^{\"]+)\"\)", code)) | set(re.findall(r'^_CHANGED = "(.+)"$', code, re.MULTILINE))
    assert said | {"the file 'x.csv' has no sha256"} == {name for name in named if " " in name}


def test_the_guide_to_inputs_quotes_an_example_and_shows_every_kind() -> None:
    inputs, example = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/guides/chain-jobs.md").read_text(), re.DOTALL)
    text = (ROOT / "docs/examples/chain/summarize.yaml").read_text()
    assert example == text[text.index("apiVersion") :]
    shown = [Input.model_validate(item) for item in yaml.safe_load(inputs)["inputs"]]
    kinds = {"inline", "config_map", "s3", "artifact", "https"}
    assert {kind for item in shown for kind in kinds if getattr(item, kind)} == kinds


def test_an_environments_example_is_quoted_as_it_is_and_can_be_built() -> None:
    example = (ROOT / "docs/examples/environments/awk/environment.yaml").read_text()
    assert f"```yaml\n{example}```" in (ROOT / "docs/guides/bring-your-environment.md").read_text()
    assert "gawk" in recipe.dockerfile(recipe.read(example))


def test_environments_in_pages_are_valid() -> None:
    blocks = [block for path in PAGES for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)]
    environments = [document for document in map(yaml.safe_load, blocks) if document.get("kind") == "AnalysisEnvironment"]
    assert environments
    for document in environments:
        AnalysisEnvironment.model_validate(document)


def test_yaml_in_pages_is_yaml() -> None:
    for path in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL):
            assert yaml.safe_load(block), path


def test_the_commands_that_the_documents_name_exist() -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {group.name for group in app.registered_groups if group.name}
    for path in PAGES:
        text = path.read_text()
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= verbs, path
        assert set(re.findall(r"(?:`|^)fumehood ([a-z]+)", text, re.MULTILINE)) <= commands, path


def test_the_values_that_the_documents_name_exist() -> None:
    values = yaml.safe_load((ROOT / "charts/fumehood/values.yaml").read_text())
    named = re.findall(
        r"`((?:store|egress|watch|crds|pods|test|selftest|metrics|deadlines)\.[A-Za-z.]+)`", (ROOT / "docs/install.md").read_text()
    )
    assert named
    for path in named:
        found = values
        for part in path.split("."):
            found = found[part]


def test_the_tests_that_the_threat_model_names_exist() -> None:
    named = re.findall(r"`(test_\w+\.py)::(?:\w+::)?(test_\w+)`", (ROOT / "docs/threat-model.md").read_text())
    assert named
    for file, test in named:
        (path,) = (ROOT / "tests").rglob(file)
        assert f"def {test}(" in path.read_text(), (file, test)


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(path.name[:4] for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
