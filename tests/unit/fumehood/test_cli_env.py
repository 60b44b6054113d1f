"""`fumehood env`: tables of what there is, and what is said of a folder that cannot be built."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from fumehood.api.v1alpha1 import AnalysisEnvironment, PackageVersion
from fumehood.building import engine
from fumehood.cli import app, env
from fumehood.core.environments import Catalog
from fumehood.core.packages import inventory
from unit.fumehood.builders import NOW, environment_document
from unit.fumehood.building.builders import RECIPE, FakeEngine, file, oci, tar


def offer(name: str, version: str, **spec: Any) -> AnalysisEnvironment:
    document = environment_document(envVersion=version, **spec)
    document["metadata"] = {"name": name}
    return AnalysisEnvironment.model_validate(document)


def printed(table: object) -> list[list[str]]:
    stream = io.StringIO()
    Console(file=stream, width=240, color_system=None).print(table)
    return [line.split() for line in stream.getvalue().splitlines()]


def test_all_versions_are_listed_with_the_default_and_what_becomes_of_old_ones() -> None:
    old = {"message": "use python@2026.11", "until": "2026-12-24T00:00:00Z"}
    gone = {"message": "use python@2026.11", "until": "2026-10-31T00:00:00Z"}
    catalog = Catalog(
        [
            offer("python", "python-2026.11", packages=[{"name": "numpy", "version": "2"}], runtimeClassName="gvisor"),
            offer("python-2026.09", "python-2026.09", deprecated=old),
            offer("python-2026.08", "python-2026.08", deprecated=gone, userNamespaces="Required"),
            offer("awk", "awk-1", adapter="command"),
        ],
        {},
    )
    isolation = ["node's", "runtime,", "user", "namespaces", "Auto"]
    assert printed(env.listed(catalog, NOW))[1:] == [
        ["awk@1", "default", "command", *isolation],
        ["python@2026.08", "python", *isolation[:-1], "Required", "retired", "2026-10-31:", "use", "python@2026.11"],
        ["python@2026.09", "python", *isolation, "retires", "2026-12-24:", "use", "python@2026.11"],
        ["python@2026.11", "default", "python", "gvisor,", *isolation[2:], "1"],
    ]


def test_one_is_shown_with_limits_and_packages() -> None:
    held = [{"name": "numpy", "version": "2.3.4", "ecosystem": "python"}]
    shown = printed(env.shown(offer("python", "python-2026.11", packages=held, defaults={"memory": "3Gi"}, maximums={"memory": "9Gi"})))
    assert ["limit", "memory", "3Gi,", "at", "most", "9Gi"] in shown
    assert ["package", "numpy", "2.3.4", "(python)"] in shown
    assert ["inventory", "not", "known"] in shown
    assert any(line[:2] == ["limit", "wallClock"] and line[-1] for line in shown)


def test_names_cannot_steer_a_terminal() -> None:
    shown = printed(env.shown(offer("python", "python-1", description="\x1b[31m[red]x")))
    assert "\x1b" not in str(shown) and any("[red]x" in word for line in shown for word in line)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "awk").mkdir()
    (tmp_path / "awk" / "environment.yaml").write_text(yaml.safe_dump(RECIPE))
    return tmp_path / "awk"


def built(folder: Path, monkeypatch: pytest.MonkeyPatch, fake: FakeEngine, *words: str) -> Any:
    monkeypatch.setattr(engine, "choose", lambda home, wish: fake)
    return CliRunner().invoke(app, ["env", "build", str(folder), *words])


def test_build_writes_archive_and_resource(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = built(folder, monkeypatch, FakeEngine(), "--repository", "registry.example/awk")
    assert done.exit_code == 0, done.output
    document = yaml.safe_load(Path("awk-1.yaml").read_text())
    spec = AnalysisEnvironment.model_validate(document).spec
    assert Path("awk-1.tar").exists()
    assert spec.image.startswith("registry.example/awk@sha256:")
    assert spec.packages == (PackageVersion.model_validate({"name": "gawk", "version": "5.3", "ecosystem": "debian"}),)
    assert spec.inventory == inventory(spec.packages)
    assert f"awk-1.tar: {spec.image}" in done.stdout
    assert "took setuid, setgid or capabilities from bin/su" in done.stderr


class Drifting(FakeEngine):
    """Another version at every build."""

    def save(self, tag: str, archive: Path, log: Path) -> None:
        status = f"Package: gawk\nVersion: 5.{len(self.builds)}\n".encode()
        oci(archive, [tar([file("var/lib/dpkg/status", status)])])


def test_verify_builds_again_and_compares(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeEngine()
    done = built(folder, monkeypatch, fake, "--verify")
    assert (done.exit_code, len(fake.builds)) == (0, 2)
    assert "built twice: inventory the same, digest the same" in done.stdout
    drifted = built(folder, monkeypatch, Drifting(), "--verify")
    assert drifted.exit_code == 1
    assert "  - gawk 5.1\n  + gawk 5.2\nbuilt twice: inventory differs, digest differs\n" in drifted.stdout
    assert sorted(path.name for path in Path().iterdir()) == ["awk", "awk-1.tar", "awk-1.yaml", "cache"]


def test_what_is_wrong_ends_with_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "environment.yaml").write_text(yaml.safe_dump(RECIPE | {"adapter": "AWK"}))
    done = built(folder, monkeypatch, FakeEngine())
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("fumehood: environment.yaml: adapter: 'AWK': ")


@pytest.mark.parametrize("words", [["env", "list"], ["env", "show", "python"]])
def test_without_a_cluster_it_says_so(words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from kubernetes.aio.config import kube_config

    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert done.stderr.startswith("fumehood: ") and len(done.stderr.splitlines()) == 1


def test_list_and_show_ask_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    async def catalog() -> Catalog:
        return Catalog([offer("python", "python-2026.11")], {"broken": "spec.image: no digest"})

    monkeypatch.setattr(env, "_catalog", catalog)
    done = CliRunner().invoke(app, ["env", "list"])
    assert done.exit_code == 0 and "python@2026.11" in done.stdout
    assert "AnalysisEnvironment 'broken' is not valid: spec.image: no digest" in done.stderr
    assert "registry.example/python@sha256:" in CliRunner().invoke(app, ["env", "show", "python@2026.11"]).stdout
    missing = CliRunner().invoke(app, ["env", "show", "python@1"])
    assert (missing.exit_code, missing.stderr) == (1, "fumehood: 'python' has no version '1'; there are 2026.11\n")
