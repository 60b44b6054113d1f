"""`fumehood env`: which environments there are, what is in them, and how a new one is made."""

from __future__ import annotations

import asyncio
import enum
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ..api.v1alpha1 import AnalysisEnvironment
    from ..building.build import Builder, Built, Request
    from ..core.environments import Catalog

app = typer.Typer(no_args_is_help=True, help="List environments, look into them, build them.")


class EngineName(enum.StrEnum):
    """What builds images."""

    DOCKER = "docker"
    BUILDAH = "buildah"


@app.command("list")
def list_() -> None:
    """List the cluster's environments, all versions of each."""
    _print(lambda catalog: listed(catalog, datetime.now(UTC)))


@app.command()
def show(name: Annotated[str, typer.Argument(help="NAME, or NAME@VERSION.", show_default=False)]) -> None:
    """Show one environment: its limits, and the packages that it holds."""
    _print(lambda catalog: shown(catalog.find(name, datetime.now(UTC))))


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with environment.yaml.", exists=True, file_okay=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Archive to write. Default: NAME-VERSION.tar here.")] = None,
    repository: Annotated[str, typer.Option(help="Name that the image will have in your registry, e.g. registry.example/python.")] = "",
    tag: Annotated[str, typer.Option(help="Its tag. Default: envVersion.")] = "",
    base: Annotated[str, typer.Option(help="Base image (NAME@sha256:DIGEST) or root file system (.tar) to take instead.")] = "",
    context: Annotated[
        Path | None, typer.Option(help="Folder that a Dockerfile of your own copies from; DIR lies below it. Default: DIR.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Build twice, each time from nothing, and compare.")] = False,
    engine: Annotated[EngineName | None, typer.Option(help="What builds. Default: Docker where it answers, else buildah.")] = None,
) -> None:
    """Build an environment: an OCI archive of the image, and the AnalysisEnvironment beside it as YAML.

    What the image holds is read from its files; nothing of it is executed. Programs that raise
    privileges (setuid, file capabilities) lose that.
    """
    from ..building import build as building
    from ..building import engine as engines
    from ..errors import BuildError

    try:
        given = building.read(folder)
        target = output or Path(f"{given.name}-{given.version}.tar")
        request = building.Request(folder, target, repository, tag, context, base or None)
        cache = building.cache_folder()
        builder = building.Builder(engines.choose(cache, engine), cache, _tell)
        built = builder.build(request)
        path = target.with_suffix(".yaml")
        building.write_resource(built.resource, path)
        _report(built, target, path)
        same = _same(builder, request, built) if verify else True
    except BuildError as error:
        print(f"fumehood: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if same else 1)


def listed(catalog: Catalog, now: datetime) -> Table:
    """Return the table of all environments."""
    from rich.table import Column, Table
    from rich.text import Text

    from ..core import environments

    table = Table("environment", "default", "adapter", "isolation", "packages", Column("deprecated", overflow="fold"), box=None)
    for family, members in catalog.families().items():
        default = environments.default(members, now)
        for one in members:
            table.add_row(
                Text(f"{family}@{environments.version(one)}"),
                "default" if one is default else "",
                one.spec.adapter,
                isolation(one),
                str(len(one.spec.packages)) if one.spec.packages else "",
                Text(_deprecation(one, now)),
            )
    return table


def shown(environment: AnalysisEnvironment) -> Table:
    """Return the table of one environment: a line a fact."""
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(Column(no_wrap=True), Column(overflow="fold"), box=None, show_header=False)
    for name, value in _facts(environment):
        table.add_row(Text(name), Text(value))
    return table


def isolation(environment: AnalysisEnvironment) -> str:
    """Return what stands between a program and the node, in a word or two."""
    kernel = environment.spec.runtime_class_name or "node's runtime"
    return f"{kernel}, user namespaces {environment.spec.user_namespaces}"


def _facts(environment: AnalysisEnvironment) -> Iterator[tuple[str, str]]:
    from ..core.limits import DEFAULTS, MAXIMUMS

    spec = environment.spec
    yield "resource", environment.metadata.name
    yield "version", spec.env_version
    yield "image", spec.image
    yield "adapter", spec.adapter
    yield "isolation", isolation(environment)
    if spec.command:
        yield "command", " ".join(spec.command)
    if spec.deprecated:
        yield "deprecated", spec.deprecated.message + (f" (until {spec.deprecated.until})" if spec.deprecated.until else "")
    if spec.description:
        yield "description", spec.description
    for name, field in type(DEFAULTS).model_fields.items():
        default, most = (
            getattr(own, name) or getattr(other, name) for own, other in ((spec.defaults, DEFAULTS), (spec.maximums, MAXIMUMS))
        )
        yield f"limit {field.alias or name}", f"{default if default is not None else '-'}, at most {most}"
    yield "inventory", spec.inventory or "not known"
    for package in spec.packages:
        yield f"package {package.name}", f"{package.version}{f' ({package.ecosystem})' if package.ecosystem else ''}"


def _deprecation(environment: AnalysisEnvironment, now: datetime) -> str:
    from ..core import environments

    deprecated = environment.spec.deprecated
    if deprecated is None:
        return ""
    when = f"{'retired' if environments.retired(environment, now) else 'retires'} {deprecated.until[:10]}: " if deprecated.until else ""
    return when + deprecated.message


def _report(built: Built, image: Path, resource: Path) -> None:
    from ..building.archive import summary

    print(f"{image}: {built.resource['spec']['image']}")
    print(
        f"{resource}: {built.resource['metadata']['name']}, {len(built.packages)} packages, inventory {built.resource['spec']['inventory']}"
    )
    if built.neutralised:
        _tell(f"took setuid, setgid or capabilities from {summary(built.neutralised)}")
    if built.dropped:
        _tell(f"left out device nodes: {summary(built.dropped)}")


def _same(builder: Builder, request: Request, first: Built) -> bool:
    """Build again and compare; return whether both hold the same packages."""
    import tempfile
    from dataclasses import replace

    from ..core import packages

    with tempfile.TemporaryDirectory(dir=request.output.parent) as folder:
        second = builder.build(replace(request, output=Path(folder) / "again.tar"))
    for line in packages.differences(first.packages, second.packages):
        print(f"  {line}")
    same = packages.inventory(first.packages) == packages.inventory(second.packages)
    print(
        f"built twice: inventory {'the same' if same else 'differs'}, digest {'the same' if first.digest == second.digest else 'differs'}"
    )
    return same


def _print(make: Callable[[Catalog], Table]) -> None:
    from rich.console import Console

    from ..core.failures import Refused
    from ..errors import FumehoodError

    try:
        catalog = asyncio.run(_catalog())
        table = make(catalog)
    except (FumehoodError, Refused) as error:
        print(f"fumehood: {str(error).removeprefix('spec.environment: ')}", file=sys.stderr)
        raise typer.Exit(1) from None
    for name, fault in catalog.unreadable.items():
        _tell(f"AnalysisEnvironment {name!r} is not valid: {fault}")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


async def _catalog() -> Catalog:
    from ..environments import Environments
    from ..kube import KubeClient

    cluster = await KubeClient.connect()
    try:
        environments = Environments(cluster, lambda: datetime.now(UTC), timedelta())
        await environments.refresh()
        return environments.catalog
    finally:
        await cluster.close()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
