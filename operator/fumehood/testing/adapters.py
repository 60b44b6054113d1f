"""What every adapter keeps, as tests to inherit.

    from fumehood.testing.adapters import AdapterContract

    class TestMine(AdapterContract):
        adapter = ADAPTER
        entrypoint = "main.mine"

An adapter describes and never runs: its answers follow from their argument alone, so
the operator may ask at any time, any number of times, of texts that a hostile program wrote.
"""

from __future__ import annotations

import builtins
import copy
import dataclasses
import inspect
import json
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumehood_sandbox import wire

from ..api.v1alpha1 import OutputRule
from ..core.plan import RESERVED_ENVIRONMENT
from ..core.program import Diagnosis, Ended, Program
from ..ports import Adapter

MAX_FILES = 64 << 10  # bytes of all that `prepare` returns: it goes into every order, beside the job's own
MAX_WORDS = 2000  # characters of a diagnosis, which is cut further where it is shown
MAX_GLOBS = 64
_RESERVED = {*RESERVED_ENVIRONMENT, "FUMEHOOD_SEED"}
_LIMITS = wire.Limits(
    wall_clock=60.0,
    cpu_time=60.0,
    memory=512 << 20,
    disk=256 << 20,
    output=1 << 20,
    artifacts=100,
    artifact_bytes=256 << 20,
    processes=64,
    open_files=256,
    file_size=128 << 20,
    files=10_000,
)
_ARGUMENTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30), max_size=8).map(tuple)
_GENERATED = settings(derandomize=True, deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
_LINES = st.sampled_from(
    [
        "Traceback (most recent call last):",
        '  File "/work/main.py", line 3, in <module>',
        "Error in library(x) : there is no package called 'x'",
        "! LaTeX Error: File `x.sty' not found.",
        "l.3 \\usepackage",
        "ERROR: LoadError: x",
        "main.x:1: error: x",
        "\x1b[31mred\x1b[0m",
        "\0",
        "",
    ]
)
_TEXTS = st.lists(_LINES | st.text(max_size=60), max_size=40).map("\n".join)
_LONG = ("a", "a\n", "a.", " ", ": ", "\n", "'", "(", '  File "/work/', "Error: ", "! ", "\0", "é")
_A = TypeVar("_A")


def _twice(answer: Callable[[], _A]) -> _A:
    """Return an answer that is the same when asked for again."""
    first = answer()
    assert answer() == first, "the same question was answered differently"
    return first


class AdapterContract:
    """Tests of `adapter`, which has to be set; the rest tells them more of its language."""

    adapter: ClassVar[Adapter]
    entrypoint: ClassVar[str] = "main.x"
    """A file that the language starts from; `entrypoints` are more."""
    entrypoints: ClassVar[tuple[str, ...]] = ()
    missing: ClassVar[Mapping[str, str]] = {}
    """What a program prints to stderr for want of a package -> the package's name."""
    failures: ClassVar[Mapping[str, Diagnosis]] = {}
    """What a program that fails prints to stderr -> what is to be said of it."""

    def programs(self) -> list[Program]:
        """Programs of every sort."""
        plain = [Program(entrypoint) for entrypoint in (self.entrypoint, f"folder/{self.entrypoint}", *self.entrypoints)]
        variants: list[dict[str, Any]] = [
            {"args": ("--fast", "a b", "$(id)", "", "ü")},
            {"seed": 0},
            {"seed": 2**32 - 1},
            {"cpus": 8},
            {"previews": False},
            {"limits": _LIMITS},
            {"limits": dataclasses.replace(_LIMITS, artifacts=1, processes=1, files=1)},
        ]
        return plain + [dataclasses.replace(program, **variant) for program in plain for variant in variants]

    def commands(self) -> list[wire.Command]:
        """How all of them are started, and their previews."""
        programs = self.programs()
        previews = (self.adapter.preview(program) for program in programs)
        return [*map(self.adapter.execute, programs), *filter(None, previews)]

    # Its shape.

    def test_it_has_the_methods_of_the_port(self) -> None:
        """Named and with parameters named as in `fumehood.ports.Adapter`; none is a coroutine."""
        for name, promised in inspect.getmembers(Adapter, inspect.isfunction):
            if name.startswith("_"):
                continue
            found = getattr(self.adapter, name, None)
            assert callable(found), f"{name} is missing"
            assert list(inspect.signature(found).parameters) == list(inspect.signature(promised).parameters)[1:], name
            assert not inspect.iscoroutinefunction(found), name

    # prepare

    def test_files_are_texts_by_name(self) -> None:
        """And nothing else: no bytes, no paths."""
        for program in self.programs():
            found = self.adapter.prepare(program)
            assert isinstance(found, Mapping)
            assert all(isinstance(part, str) for pair in found.items() for part in pair)

    def test_names_of_files_are_plain(self) -> None:
        """They lie in one folder: no slash, no dot at the beginning, no character that is special to anybody."""
        for program in self.programs():
            for name in self.adapter.prepare(program):
                assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}", name), name

    def test_names_of_files_differ_by_more_than_case(self) -> None:
        """Some file systems cannot tell them apart."""
        for program in self.programs():
            names = [name.lower() for name in self.adapter.prepare(program)]
            assert len(set(names)) == len(names)

    def test_files_are_small(self) -> None:
        """All of them together: MAX_FILES."""
        for program in self.programs():
            assert sum(len(text.encode()) for text in self.adapter.prepare(program).values()) <= MAX_FILES

    def test_files_do_not_follow_from_arguments(self) -> None:
        """A file with a user's text in it is a program that nobody has read."""
        for program in self.programs():
            assert self.adapter.prepare(program) == self.adapter.prepare(dataclasses.replace(program, args=("other",)))

    def test_files_are_the_same_each_time(self) -> None:
        """Also after other programs were asked about."""
        expected = [dict(self.adapter.prepare(program)) for program in self.programs()]
        assert [dict(self.adapter.prepare(program)) for program in self.programs()] == expected

    # execute

    def test_a_command_is_words(self) -> None:
        """At least one, none with a NUL."""
        for command in self.commands():
            assert isinstance(command, wire.Command)
            assert isinstance(command.argv, tuple) and command.argv
            assert all(isinstance(word, str) and "\0" not in word for word in command.argv)

    def test_a_command_starts_with_a_program_of_the_image(self) -> None:
        """A bare name, found on PATH, or a path from the root; never a file of the job's."""
        for command in self.commands():
            assert re.fullmatch(r"/?[A-Za-z0-9_][A-Za-z0-9._+/-]*", command.argv[0]), command.argv[0]
            assert command.argv[0].startswith("/") or "/" not in command.argv[0]

    def test_the_first_word_does_not_follow_from_arguments(self) -> None:
        """Nor does any other before them."""
        for program in self.programs():
            bare = self.adapter.execute(dataclasses.replace(program, args=())).argv
            assert self.adapter.execute(program).argv[: len(bare)] == bare

    def test_previews_do_not_follow_from_arguments(self) -> None:
        """What makes them looks at what is in /outputs."""
        for program in self.programs():
            assert self.adapter.preview(program) == self.adapter.preview(dataclasses.replace(program, args=("other",)))

    @_GENERATED
    @given(args=_ARGUMENTS)
    def test_arguments_are_handed_on_as_they_are(self, args: tuple[str, ...]) -> None:
        """As the last words, each one word, whatever is in it."""
        bare = self.adapter.execute(Program(self.entrypoint)).argv
        assert self.adapter.execute(Program(self.entrypoint, args)).argv == bare + args

    def test_the_entrypoint_is_no_option(self) -> None:
        """A file called like one is a file still."""
        bare = self.adapter.execute(Program(f"-{self.entrypoint}")).argv
        assert f"-{self.entrypoint}" not in bare[1:] or "--" in bare

    def test_variables_have_names_and_texts(self) -> None:
        """Such that every system takes them."""
        for command in self.commands():
            for name, value in command.env.items():
                assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name), name
                assert isinstance(value, str) and len(value) <= 4096 and "\0" not in value, name

    def test_no_variable_is_reserved(self) -> None:
        """Those are the operator's, which would overwrite them."""
        for command in self.commands():
            assert not _RESERVED & set(command.env)

    def test_variables_do_not_follow_from_arguments(self) -> None:
        """A user's text in a variable may be read as a setting."""
        for program in self.programs():
            assert self.adapter.execute(program).env == self.adapter.execute(dataclasses.replace(program, args=("other",))).env

    def test_commands_are_the_same_each_time(self) -> None:
        """Also after other programs were asked about."""
        assert _twice(self.commands)

    def test_commands_survive_the_wire(self) -> None:
        """What the sandbox reads is what was said."""
        for command in self.commands():
            assert wire.decode(wire.Command, wire.encode(command), max_bytes=wire.MAX_ORDER) == command

    # collect_outputs and cleanup

    def test_rules_are_rules(self) -> None:
        """Such as a job could give itself: below /outputs, of a known kind."""
        for program in self.programs():
            found = self.adapter.collect_outputs(program)
            assert isinstance(found, tuple) and len(found) <= MAX_GLOBS
            for rule in found:
                assert isinstance(rule, wire.OutputRule)
                OutputRule.model_validate({"path": rule.path, "kind": rule.kind})

    def test_globs_of_rubbish_are_globs(self) -> None:
        """Of the same form."""
        for program in self.programs():
            found = self.adapter.cleanup(program)
            assert isinstance(found, tuple) and len(found) <= MAX_GLOBS
            for glob in found:
                OutputRule.model_validate({"path": glob, "kind": "export"})

    def test_not_everything_is_rubbish(self) -> None:
        """A result that nobody named is a result."""
        for program in self.programs():
            assert not {"*", "**", "**/*", "*.*"} & set(self.adapter.cleanup(program))

    def test_no_rule_wants_rubbish(self) -> None:
        """What is wanted by one method is not thrown away by the other."""
        for program in self.programs():
            assert not {rule.path for rule in self.adapter.collect_outputs(program)} & set(self.adapter.cleanup(program))

    def test_rules_and_globs_are_the_same_each_time(self) -> None:
        """Also after other programs were asked about."""
        assert _twice(lambda: [(self.adapter.collect_outputs(program), self.adapter.cleanup(program)) for program in self.programs()])

    # diagnose

    def test_nothing_is_said_of_silence(self) -> None:
        """Of a program that printed nothing there is nothing to say."""
        assert self.adapter.diagnose(Ended(1, "", "")) is None

    @_GENERATED
    @given(stdout=_TEXTS, stderr=_TEXTS, code=st.integers(-255, 255))
    def test_hostile_text_is_never_an_error(self, stdout: str, stderr: str, code: int) -> None:
        """Whatever a program prints: a diagnosis or None, the same each time, and small."""
        ended = Ended(code, stdout, stderr)
        found = _twice(lambda: self.adapter.diagnose(ended))
        if found is not None:
            assert isinstance(found, Diagnosis)
            for text in (found.message, found.location, found.package):
                assert isinstance(text, str) and len(text) <= MAX_WORDS

    @pytest.mark.parametrize("unit", _LONG, ids=repr)
    def test_long_text_takes_time_by_its_length(self, unit: str) -> None:
        """Eight times the text takes about eight times as long, not sixty-four: expressions that go back and forth do."""
        self._seconds(unit, 1000)  # whatever is made once
        short = max(min(self._seconds(unit, 50_000) for _ in range(3)), 0.001)
        assert min(self._seconds(unit, 400_000) for _ in range(3)) < 24 * short

    def _seconds(self, unit: str, size: int) -> float:
        text = unit * (size // len(unit))
        begin = time.process_time()
        self.adapter.diagnose(Ended(1, text, text))
        return time.process_time() - begin

    def test_what_is_missing_is_named(self) -> None:
        """For each example of `missing`."""
        for stderr, package in self.missing.items():
            found = self.adapter.diagnose(Ended(1, "", stderr))
            assert found is not None, stderr
            assert found.package == package, stderr

    def test_failures_are_told(self) -> None:
        """For each example of `failures`."""
        for stderr, diagnosis in self.failures.items():
            assert self.adapter.diagnose(Ended(1, "", stderr)) == diagnosis, stderr

    def test_locations_are_no_paths_of_the_sandbox(self) -> None:
        """They are the user's own files, as the job calls them."""
        for diagnosis in map(self.adapter.diagnose, (Ended(1, "", text) for text in (*self.missing, *self.failures))):
            assert diagnosis is None or not diagnosis.location.startswith("/")

    # All of them.

    def _answers(self) -> list[Any]:
        ended = [Ended(1, "", text) for text in ("", "some text\n", *self.missing, *self.failures)]
        return [
            *(
                (
                    dict(self.adapter.prepare(one)),
                    self.adapter.execute(one),
                    self.adapter.preview(one),
                    self.adapter.collect_outputs(one),
                    self.adapter.cleanup(one),
                )
                for one in self.programs()
            ),
            *map(self.adapter.diagnose, ended),
        ]

    def test_answers_are_plain_data(self) -> None:
        """They can be copied, and written as JSON."""
        for answer in self._answers():
            assert copy.deepcopy(answer) == answer
            assert json.dumps(answer, default=dataclasses.asdict)

    def test_an_answer_that_is_changed_changes_no_other(self) -> None:
        """Two jobs share nothing."""
        program = Program(self.entrypoint)
        before = dict(self.adapter.prepare(program)), dict(self.adapter.execute(program).env)
        for answer in (self.adapter.prepare(program), self.adapter.execute(program).env):
            if isinstance(answer, dict):
                answer["changed"] = "by somebody"
        assert (dict(self.adapter.prepare(program)), dict(self.adapter.execute(program).env)) == before

    def test_nothing_is_read_or_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No file, no socket, no process: the operator holds every key, and waits for the answer."""
        self._forbid(
            monkeypatch,
            *((builtins, name) for name in ("open", "input")),
            *((os, name) for name in ("open", "listdir", "scandir", "stat", "system", "popen", "fork", "posix_spawn", "execve")),
            (socket, "socket"),
            (subprocess, "Popen"),
        )
        assert self._answers()

    def test_nothing_depends_on_when_or_on_chance(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No clock, no random number, no variable of the operator's."""
        names = ("random", "randint", "choice", "getrandbits")
        clocks = ("time", "time_ns", "monotonic", "localtime", "gmtime", "sleep")
        with monkeypatch.context() as patch:
            self._forbid(
                patch,
                *((random, name) for name in names),
                *((time, name) for name in clocks),
                (os, "urandom"),
                (os, "getenv"),
                (os, "getcwd"),
            )
            answers = self._answers()
        monkeypatch.setenv("FUMEHOOD_ANYTHING", "else")
        assert self._answers() == answers

    def _forbid(self, monkeypatch: pytest.MonkeyPatch, *functions: tuple[Any, str]) -> None:
        self._answers()  # what is imported late is imported now

        for module, name in functions:

            def refuse(*_: object, _name: str = f"{module.__name__}.{name}", **__: object) -> NoReturn:
                raise AssertionError(f"an adapter called {_name}")

            monkeypatch.setattr(module, name, refuse)
