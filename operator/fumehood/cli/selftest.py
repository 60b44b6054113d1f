"""`fumehood selftest`: the hostile corpus on this cluster, and a table of what held."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from ..errors import FumehoodError
from ..kube import KubeClient
from ..ports import ArtifactStore
from ..selftest import cases, table
from ..selftest.judge import Result
from ..selftest.levels import Level
from ..selftest.run import Range, at_level, run
from . import stores


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    namespace: str
    environment: str
    levels: Sequence[Level]
    only: Sequence[str]
    parallel: int
    corpus: Path | None
    markdown: bool
    keep: bool


async def selftest(options: Options) -> int:
    """Run the corpus at each level; return the exit code: 1 if an attack came to anything else than it must."""
    try:
        corpus = cases.load(options.corpus or cases.folder(), options.only)
        store = _store()
        cluster = await KubeClient.connect()
    except (FumehoodError, ValueError, OSError) as error:
        print(f"fumehood: {error}", file=sys.stderr)
        return 2
    try:
        place = Range(cluster, store, options.namespace, options.environment, keep=options.keep)
        results = await _all(place, corpus, options)
    except FumehoodError as error:
        print(f"fumehood: {error}", file=sys.stderr)
        return 2
    finally:
        await cluster.close()
    _show(results, options.markdown)
    return 0 if all(result.passed for result in results) else 1


def _store() -> ArtifactStore | None:
    if names := stores.missing():
        print(f"{', '.join(names)} not set: logs, manifests and artifacts are not looked at", file=sys.stderr)
        return None
    return stores.from_environment()


async def _all(place: Range, corpus: Sequence[cases.Case], options: Options) -> list[Result]:
    results: list[Result] = []
    for level in options.levels or (None,):
        async with AsyncExitStack() as stack:
            environment = await stack.enter_async_context(at_level(place.cluster, place.environment, level)) if level else place.environment
            results += await run(replace(place, environment=environment, level=level), corpus, options.parallel, _tell)
    return results


def _tell(result: Result) -> None:
    print(f"{result.case.id} {result.level}: {'pass' if result.passed else 'FAIL'} ({result.verdict})", file=sys.stderr, flush=True)


def _show(results: Sequence[Result], markdown: bool) -> None:
    failed = sum(not result.passed for result in results)
    if markdown:
        print(table.report(results))
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(table.screen(results))
    print(f"{len(results) - failed} of {len(results)} attacks came to what they must come to", file=sys.stderr)
