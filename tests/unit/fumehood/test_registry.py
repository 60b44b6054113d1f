from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from fumehood import registry
from fumehood.core.program import DRIVER, Program
from fumehood.errors import SettingsError
from fumehood_sandbox import wire
from unit.fumehood.adapters.sandbox import LIMITS


def test_one_that_is_not_installed_stops_the_start_and_says_what_there_is() -> None:
    with pytest.raises(SettingsError, match=r"'cobol' is not installed.*python"):
        registry.load_adapters(("python", "cobol"))


def test_one_that_does_not_load_stops_the_start_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "no.such.module:ADAPTER", registry.ADAPTERS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    with pytest.raises(SettingsError, match=r"'broken' \(no\.such\.module:ADAPTER\) does not load: ModuleNotFoundError"):
        registry.load_adapters(("broken",))


@pytest.mark.parametrize(("name", "program"), [("python", "python3"), ("command", "sh")])
def test_adapters_hand_arguments_on_as_they_are(name: str, program: str) -> None:
    command = registry.load_adapters((name,))[name].execute(Program("main.x", ("$(id)", "a b", "-c")))
    assert isinstance(command, wire.Command)
    assert command.argv == (program, "main.x", "$(id)", "a b", "-c")


@pytest.mark.parametrize(
    ("starter", "argv"),
    [
        ((), ("sh", "main.x", "-c", "{entrypoint}")),
        (("/prog", "{entrypoint}"), ("/prog", "main.x", "-c", "{entrypoint}")),
        (("/usr/bin/awk", "-f", "{entrypoint}", "--"), ("/usr/bin/awk", "-f", "main.x", "--", "-c", "{entrypoint}")),
        (("/prog",), ("/prog", "-c", "{entrypoint}")),
        (("/x{entrypoint}",), ("/x{entrypoint}", "-c", "{entrypoint}")),
    ],
)
def test_the_environments_command_starts_the_program(starter: tuple[str, ...], argv: tuple[str, ...]) -> None:
    """Only a word that is the placeholder is replaced, and only of the environment's: arguments are the user's."""
    command = registry.load_adapters(("command",))["command"].execute(Program("main.x", ("-c", "{entrypoint}"), starter=starter))
    assert command.argv == argv


@pytest.mark.parametrize("name", ["python", "latex", "r"])
def test_previews_are_made_of_what_a_language_draws_if_they_are_wanted(name: str) -> None:
    describe = registry.describer(name, registry.load_adapters((name,)))
    wanted, unwanted = (describe(Program("main.x", previews=previews, limits=LIMITS)) for previews in (True, False))
    assert wanted.preview is not None and unwanted.preview is None
    assert wanted.preview.argv[-2:] == (str(LIMITS.files), str(LIMITS.disk))
    script = next(word for word in wanted.preview.argv if word.startswith(f"{DRIVER}/"))
    assert script.removeprefix(f"{DRIVER}/") in wanted.files
