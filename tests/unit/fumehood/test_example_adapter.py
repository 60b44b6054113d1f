"""The example adapter is built, installed and loaded as anybody's would be, and passes its own tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "docs/examples/adapter-gnuplot"
GUIDE = ROOT / "docs/guides/write-an-adapter.md"

LOAD = """
from fumehood import registry
from fumehood.core.program import Program
from fumehood.settings import Settings
settings = Settings.model_construct(adapters=("gnuplot",))
adapters = registry.load_adapters(settings.adapters)
print(list(adapters), registry.describer("gnuplot", adapters)(Program("main.gp", ("a b",))).command.argv)
"""


def run(*words: str | Path, folder: Path = ROOT, path: Path | None = None) -> str:
    env = {**os.environ, "PYTHONPATH": str(path or "")}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example as pip installs it, from a wheel that was built offline."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    offline = ("--no-index", "--no-deps", "--quiet", "--disable-pip-version-check")
    run("-m", "pip", "wheel", *offline, "--no-build-isolation", "--wheel-dir", wheels, EXAMPLE)
    (wheel,) = wheels.iterdir()
    run("-m", "pip", "install", *offline, "--target", target, wheel)
    return target


def test_it_is_loaded_by_its_entry_point(installed: Path) -> None:
    assert run("-c", LOAD, path=installed) == "['gnuplot'] ('gnuplot', '.fumehood/start.gp', '-c', 'main.gp', 'a b')\n"


def test_it_passes_its_own_tests(installed: Path, tmp_path: Path) -> None:
    (test,) = EXAMPLE.glob("test_*.py")
    (tmp_path / test.name).write_text(test.read_text())
    assert " passed" in run("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, test.name, folder=tmp_path, path=installed)


def test_it_is_as_short_as_the_guide_says() -> None:
    (module,) = EXAMPLE.glob("fumehood_*.py")
    assert len(module.read_text().splitlines()) <= 60


def test_the_guide_quotes_what_is_there() -> None:
    sources = [path.read_text() for path in EXAMPLE.iterdir() if path.is_file()]
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        parts = [part for part in re.split(r"^ *# …\n", block, flags=re.MULTILINE) if part.strip()]
        assert any(all(part in source for part in parts) for source in sources), block
