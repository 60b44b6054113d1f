"""What adapters and the rest of the control plane tell each other about one program (plain data)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fumehood_sandbox import wire

# Where the files of `Adapter.prepare` are, seen from the program's working directory. No name of a
# job's own file begins with a dot.
DRIVER = ".fumehood"


@dataclass(frozen=True)
class Program:
    """What a job wants to run.

    `cpus`: how many threads are worth having; `seed`: of random numbers, if the job gives one;
    `previews`: whether `preview` will be asked; `limits`: of the attempt, where they are known;
    `starter`: `spec.command` of the environment, if it has one.
    """

    entrypoint: str
    args: tuple[str, ...] = ()
    cpus: int = 1
    seed: int | None = None
    previews: bool = True
    limits: wire.Limits | None = None
    starter: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """What an adapter made of a program: see `ports.Adapter` for each."""

    adapter: str
    files: Mapping[str, str]
    command: wire.Command
    preview: wire.Command | None
    outputs: tuple[wire.OutputRule, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """How a program ended by itself, without success: the ends of what it printed, cut, hostile text."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Diagnosis:
    """What a language's own messages say of a failure; every field is a claim of the program.

    `location` is FILE:LINE of the user's own code; `package` names what the environment lacks.
    """

    message: str
    location: str = ""
    package: str = ""
