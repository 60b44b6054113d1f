"""The hostile corpus on disk: a folder per behaviour, with a program and `case.yaml`.

A case says what its program tries and what must come of it, at each level of
isolation. Where levels differ, the case says why. Nothing is run here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from ..api.v1alpha1 import Category, Phase
from .levels import Level

HERE = Path(__file__).resolve().parent
COMMON = "common"
FOLDER = re.compile(r"H[0-9]{2}-[a-z0-9-]+")
# Under gVisor nobody can be asked about a refused call: the kernel ends the process at once.
UNCOUNTED = "unknown"
UNCOUNTED_BECAUSE = "refused calls cannot be counted: the first one kills the process"
_REFUSED = f"{Category.SANDBOX_VIOLATION}/SystemCallRefused"


def _verdict(value: str) -> str:
    category, _, reason = value.partition("/")
    failed = category in set(Category) and re.fullmatch(r"[A-Z][A-Za-z]+", reason)
    if not failed and value not in (Phase.SUCCEEDED, Phase.CANCELLED):
        raise ValueError(f"{value!r} is none of Succeeded, Cancelled and CATEGORY/Reason")
    return value


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Expectation(_Strict):
    """What must be seen of a job. Fields that are not given are not looked at."""

    verdict: Annotated[tuple[Annotated[str, AfterValidator(_verdict)], ...], BeforeValidator(_several)] = Field(
        min_length=1, description="Succeeded, Cancelled or CATEGORY/Reason; any of them"
    )
    artifacts: tuple[str, ...] | None = Field(None, description="globs: each must be met, and no other artifact may be there")
    rejected: dict[str, Texts] = Field(default_factory=dict, description="glob of a name -> reasons that it may be refused for")
    formats: dict[str, str] = Field(default_factory=dict, description="name of an artifact -> format")
    active: Texts | None = Field(None, description="exactly the artifacts that are flagged as active")
    complete: bool | None = Field(None, description="whether the manifest is")
    calls: Texts = Field((), description="system calls that must be counted as refused")
    limit: str | None = Field(None, description="limit that the evidence names")
    exit_code: int | None = Field(None, description="exit code in the evidence")
    prints: Texts = Field((), description="texts that stdout holds")
    message: Texts = Field((), description="texts that the failure's message holds")
    never: Texts = Field((), description="texts that are nowhere: status, manifest, logs, artifacts")
    hidden: Texts = Field((), description="texts that the status does not show, though the program's own logs may")
    truncated: bool | None = Field(None, description="whether a log was cut")


class Difference(_Strict):
    """How a level differs from the others, and why it may."""

    because: str = Field(min_length=10)
    expect: dict[str, Any] = Field(min_length=1)


class Refusal(_Strict):
    """A manifest that the API server must not take."""

    name: str
    spec: dict[str, Any] = Field(description="merged over the spec of a good job")
    message: str = Field(description="part of what the API server answers")


class CaseFile(_Strict):
    """The content of `case.yaml`."""

    title: str = Field(min_length=5, max_length=100)
    attempt: str = Field(min_length=10, max_length=400, description="what it tries, in one sentence")
    impossible: str | None = Field(None, description="why this cannot exist here")
    refused: tuple[Refusal, ...] = ()
    job: dict[str, Any] = Field(default_factory=dict, description="merged over the spec of an ordinary job")
    runs: int = Field(1, ge=1, le=4, description="how many jobs, one after the other; each must meet the expectation")
    cancel: bool = Field(False, description="cancelled once it runs")
    expect: dict[str, Any] | None = None
    landlock: Difference | None = Field(None, description="where Landlock is in force")
    levels: dict[Level, Difference] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> CaseFile:
        if not (self.impossible or self.refused or self.expect):
            raise ValueError("give expect, refused or impossible")
        for level in Level:
            expectation(self, level, landlock=False)
        expectation(self, Level.RUNC, landlock=True)
        return self


@dataclass(frozen=True)
class Case:
    """One behaviour: `files` is its program, empty where nothing runs."""

    id: str
    slug: str
    about: CaseFile
    files: dict[str, str]

    def expected(self, level: Level, *, landlock: bool) -> Expectation | None:
        """Return what must come of it at this level; None: nothing runs."""
        return expectation(self.about, level, landlock=landlock)

    def spec(self, environment: str) -> dict[str, Any]:
        """Return the spec of its job."""
        spec: dict[str, Any] = merged(ordinary(environment) | {"source": {"entrypoint": "main.py", "files": self.files}}, self.about.job)
        return spec


class CorpusError(ValueError):
    """A case that cannot be read; the message names the file."""


def expectation(about: CaseFile, level: Level, *, landlock: bool) -> Expectation | None:
    """Return what a case must come to at a level, with or without Landlock in force."""
    if about.expect is None:
        return None
    expect = about.expect
    if level is Level.GVISOR and expect.get("calls"):
        kept = {name: expect[name] for name in ("never", "hidden") if name in expect}
        expect = {"verdict": _REFUSED, "calls": UNCOUNTED} | kept
    differences = (about.landlock if landlock else None, about.levels.get(level))
    for difference in filter(None, differences):
        expect = expect | difference.expect
    return Expectation.model_validate(expect)


def ordinary(environment: str) -> dict[str, Any]:
    """Return the spec that every case starts from: small, so that many run at once, with time for slow machines."""
    return {
        "schemaVersion": "1.0",
        "environment": environment,
        "source": {"entrypoint": "main.py", "files": {"main.py": "print('hello')\n"}},
        "limits": {"wallClock": "60s", "cpuTime": "60s", "memory": "128Mi", "disk": "64Mi", "output": "256Ki"},
        "ttlSecondsAfterFinished": 1800,
    }


def merged(base: Any, over: Any) -> Any:
    """Return `base` with `over` put over it, as a JSON merge patch is."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    both = base | {name: merged(base.get(name), value) for name, value in over.items()}
    return {name: value for name, value in both.items() if value is not None}


def folder() -> Path:
    """Return where the corpus is: in the package, or in a checkout of the repository."""
    packaged = HERE / "corpus"
    return packaged if packaged.is_dir() else HERE.parents[2] / "tests" / "hostile"


def load(root: Path, only: Sequence[str] = ()) -> tuple[Case, ...]:
    """Return the cases below `root`, in the order of their ids; `only`: those with these ids.

    Raises:
        CorpusError: a case is not valid, or an id is not there.
    """
    common = _texts((root / COMMON).glob("*.py"))
    cases = tuple(_case(path, common) for path in sorted(root.iterdir()) if FOLDER.fullmatch(path.name) and path.is_dir())
    ids = {case.id for case in cases}
    if unknown := sorted(set(only) - ids):
        raise CorpusError(f"{root} has no case {', '.join(unknown)}")
    return tuple(case for case in cases if not only or case.id in only)


def _case(path: Path, common: dict[str, str]) -> Case:
    name, _, slug = path.name.partition("-")
    try:
        about = CaseFile.model_validate(yaml.safe_load((path / "case.yaml").read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise CorpusError(f"{path / 'case.yaml'}: {error}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        raise CorpusError(f"{path / 'case.yaml'}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    program = _texts(file for file in path.iterdir() if file.is_file() and file.name != "case.yaml")
    if about.expect is not None and "main.py" not in program:
        raise CorpusError(f"{path} has no main.py")
    return Case(name, slug, about, common | program if program else {})


def _texts(files: Iterable[Path]) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(files)}
