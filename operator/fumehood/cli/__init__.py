"""The command line: `fumehood --help`."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run untrusted analyses on Kubernetes and fetch what they produced.")


@app.command()
def operator() -> None:
    """Run the operator (the chart's Deployment does). Settings come from FUMEHOOD_* variables."""
    from pydantic import ValidationError

    from ..audit import to_stdout
    from ..errors import FumehoodError
    from ..serve import serve
    from ..settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "FUMEHOOD_" + "__".join(str(part) for part in fault["loc"]).upper()
            print(f"fumehood: {name}: {fault['msg']}", file=sys.stderr)
        raise typer.Exit(2) from None
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    to_stdout()
    for chatty in ("kopf", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        asyncio.run(serve(settings))
    except FumehoodError as error:
        print(f"fumehood: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def download(
    job: Annotated[str, typer.Argument(help="Name of an AnalysisJob that ended.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Its namespace.")] = "default",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files; made if needed.")] = Path(),
) -> None:
    """Fetch a job's artifacts and logs from the store, verifying every digest.

    The store is named by S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY.
    """
    from .download import download as fetch

    raise typer.Exit(asyncio.run(fetch(namespace, job, output)))


@app.command()
def check(
    environment: Annotated[str, typer.Option("--environment", "-e", help="AnalysisEnvironment to run it in.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where to run it.")] = "default",
    timeout: Annotated[float, typer.Option(help="Seconds after which it has failed.")] = 120.0,
) -> None:
    """Run one tiny job through the whole of Fumehood (`helm test` does) and remove it."""
    from .check import check as run

    raise typer.Exit(asyncio.run(run(namespace, environment, timeout)))


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
