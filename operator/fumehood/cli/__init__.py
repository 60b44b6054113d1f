"""The command line: `fumehood --help`."""

from __future__ import annotations

import asyncio
import enum
import logging
import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..forms import RESOURCE_NAME
from ..selftest.levels import Level
from . import env

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run untrusted analyses on Kubernetes and fetch what they produced.")
app.add_typer(env.app, name="env")


class Output(enum.StrEnum):
    """How results are shown."""

    TABLE = "table"
    MARKDOWN = "markdown"


def _name(value: str) -> str:
    """Refuse what is no name on a cluster; a name also becomes a folder."""
    if not re.fullmatch(RESOURCE_NAME, value) or ".." in value:
        raise typer.BadParameter(f"{value!r} is no name: lower-case letters, digits, dots and hyphens")
    return value


@app.command()
def operator() -> None:
    """Run the operator (the chart's Deployment does). Settings come from FUMEHOOD_* variables."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError as SettingsSourceError

    from .. import logs
    from ..audit import to_stdout
    from ..errors import FumehoodError
    from ..serve import serve
    from ..settings import PREFIX, Settings, faults, misspelt

    wrong = {name: "there is no such setting" + (f"; {near} is one" if near else "") for name, near in misspelt(os.environ).items()}
    try:
        settings = Settings()
    except SettingsSourceError as error:
        wrong[PREFIX + "*"] = f"{error}; lists and maps are JSON"
    except ValidationError as error:
        for where, why in faults(error):
            wrong.setdefault(PREFIX + "__".join(map(str, where)).upper(), why)
    if wrong:
        for name, why in wrong.items():
            print(f"fumehood: {name}: {why}", file=sys.stderr)
        raise typer.Exit(2)
    logs.configure(settings.log_level, settings.private)
    to_stdout()
    try:
        asyncio.run(serve(settings))
    except FumehoodError as error:
        print(f"fumehood: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except Exception:  # logged, not raised: whoever prints it would print its secrets
        logging.getLogger(__name__).exception("the operator ends")
        raise typer.Exit(1) from None


@app.command()
def download(
    job: Annotated[str, typer.Argument(callback=_name, help="Name of an AnalysisJob that ended.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", callback=_name, help="Its namespace.")] = "default",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files; made if needed.")] = Path(),
) -> None:
    """Fetch a job's artifacts and logs from the store, verifying every digest.

    The store is named by S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY, and if
    needed by S3_REGION and S3_CA_FILE.
    """
    from .download import download as fetch

    raise typer.Exit(asyncio.run(fetch(namespace, job, output)))


@app.command()
def check(
    environment: Annotated[str, typer.Option("--environment", "-e", callback=_name, help="AnalysisEnvironment to run it in.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", callback=_name, help="Where to run it.")] = "default",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds after which it has failed.")] = 120.0,
) -> None:
    """Run one tiny job through the whole of Fumehood (`helm test` does) and remove it."""
    from .check import check as run

    raise typer.Exit(asyncio.run(run(namespace, environment, timeout)))


@app.command()
def replay(
    job: Annotated[str, typer.Argument(callback=_name, help="Name of an AnalysisJob that ended.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", callback=_name, help="Its namespace.")] = "default",
    wait: Annotated[bool, typer.Option(help="Wait for its end and compare; else print the new job's name alone.")] = True,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds after which waiting has failed.")] = 3600.0,
) -> None:
    """Run a job again, in the version of its environment that it ran in, and compare every artifact.

    Exits with 0 if all are the same, 1 if not, 2 if it could not be tried. The new job stays.
    """
    from .replay import replay as run

    raise typer.Exit(asyncio.run(run(namespace, job, wait, timeout)))


@app.command()
def selftest(
    environment: Annotated[
        str, typer.Option("--environment", "-e", callback=_name, help="AnalysisEnvironment with Python 3 to run the attacks in.")
    ],
    namespace: Annotated[str, typer.Option("--namespace", "-n", callback=_name, help="Where to run them.")] = "default",
    level: Annotated[
        list[Level] | None,
        typer.Option(help="Level of isolation to test, each in a copy of the environment. Default: the environment as it is."),
    ] = None,
    only: Annotated[str, typer.Option(help="Ids of the attacks to run, separated by commas. Default: all.")] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many run at once.")] = 6,
    corpus: Annotated[Path | None, typer.Option(help="Folder with a corpus of your own.")] = None,
    output: Annotated[Output, typer.Option(help="How to show the results.")] = Output.TABLE,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the jobs there to be looked at.")] = False,
) -> None:
    """Attack this installation with the hostile corpus and say what held.

    Every attack is harmless where it is contained, and bounded where it is not. With
    S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY set, logs and results are looked at, too.
    """
    from .selftest import Options
    from .selftest import selftest as run

    wanted = [name.strip().upper() for name in only.split(",") if name.strip()]
    options = Options(namespace, environment, level or [], wanted, jobs, corpus, output is Output.MARKDOWN, keep)
    raise typer.Exit(asyncio.run(run(options)))


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
