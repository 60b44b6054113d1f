"""Every built-in adapter keeps the contract that plug-ins are held to."""

from __future__ import annotations

from typing import ClassVar

from fumehood import registry
from fumehood.adapters import command, latex, python, r
from fumehood.core.program import Diagnosis
from fumehood.testing.adapters import AdapterContract

TRACEBACK = 'Traceback (most recent call last):\n  File "/work/main.py", line 3, in <module>\n'


class TestPython(AdapterContract):
    adapter = python.ADAPTER
    entrypoint = "main.py"
    entrypoints = ("study.ipynb", "pkg/__main__.py", "app.pyz")
    missing: ClassVar = {
        TRACEBACK + "ModuleNotFoundError: No module named 'torch'\n": "torch",
        TRACEBACK + "ModuleNotFoundError: No module named 'sklearn'\n": "scikit-learn",
    }
    failures: ClassVar = {TRACEBACK + "ValueError: bad\n": Diagnosis("ValueError: bad", "main.py:3")}


class TestCommand(AdapterContract):
    adapter = command.ADAPTER
    entrypoint = "run.sh"


class TestLatex(AdapterContract):
    adapter = latex.ADAPTER
    entrypoint = "main.tex"
    missing: ClassVar = {"! LaTeX Error: File `nosuchpkg.sty' not found.\n": "nosuchpkg"}
    failures: ClassVar = {
        "main.tex:3: Undefined control sequence.\nl.3 Hello \\foo\n": Diagnosis("Undefined control sequence \\foo", "main.tex:3")
    }


class TestR(AdapterContract):
    adapter = r.ADAPTER
    entrypoint = "main.R"
    missing: ClassVar = {"Error in library(foo) : there is no package called ‘foo’\n  at main.R:2\n": "foo"}
    failures: ClassVar = {"Error in f(2) : boom 2\n  at main.R:3\nExecution halted\n": Diagnosis("boom 2", "main.R:3")}


def test_no_built_in_adapter_is_left_out() -> None:
    built_in = {point.name for point in registry.entry_points(group=registry.ADAPTERS) if point.value.startswith("fumehood.")}
    held = {cls.adapter for cls in AdapterContract.__subclasses__() if cls.__module__ == __name__}
    assert {registry.load_adapters((name,))[name] for name in built_in} == held
