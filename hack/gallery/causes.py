"""Why an analysis failed that its authors saw work (pure). The first rule that fits decides."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field

TAIL = 2000  # characters of stderr and of messages that are kept
LOST = "LOST"  # stands for the category of a job that is called succeeded, but says that a figure was not saved
LAST = 5  # lines of stderr that tell why a program ended


class Cause(enum.StrEnum):
    """Why; `MEANING` says it in words."""

    NETWORK = "network"
    PACKAGE = "package"
    DISPLAY = "display"
    PROGRAM = "program"
    LIMIT = "limit"
    READ_ONLY = "read-only"
    BROKEN = "broken"
    OURS = "ours"


MEANING = {
    Cause.NETWORK: "fetches data from the network, which no analysis has unless it is granted",
    Cause.PACKAGE: "needs a package that the environment does not have",
    Cause.DISPLAY: "needs a display, or somebody in front of it",
    Cause.PROGRAM: "starts a program that the environment does not have",
    Cause.LIMIT: "needs more time or memory than the job allows",
    Cause.READ_ONLY: "writes into its working directory, which is read-only: results belong into /outputs",
    Cause.BROKEN: "fails in the same image without any sandbox, too",
    Cause.OURS: "a defect of Fumehood, until somebody shows otherwise",
}

_NETWORK = re.compile(
    r"URLError|gaierror|name resolution|getaddrinfo|NameResolutionError|ConnectionError|Network is unreachable"
    r"|cannot open URL|[Uu]nable to connect|Connection refused"
)
_PACKAGE = re.compile(
    r"No module named '(?P<python>[\w.]+)'|there is no package called .(?P<r>[\w.]+)"
    r"|File [`'](?P<tex>[\w.-]+\.(?:sty|cls|def|fd))' not found"
)
_OPTIONAL = re.compile(r"(?:requires|Install|install|Missing optional dependency) '?(?P<package>[a-z][\w-]+)'?", re.MULTILINE)
_DISPLAY = re.compile(
    r"\$DISPLAY|no display|unable to open connection to X11|tkinter|GTK|headless|Cannot load backend"
    r"|\\typein|EOFError: EOF when reading a line"
)
_PROGRAM = re.compile(
    r"FileNotFoundError: \[Errno 2\] No such file or directory: '(?P<program>[\w.-]+)'"
    r"|because (?P<tool>[\w.-]+) could not be found"
    r"|Requested MovieWriter \((?P<writer>\w+)\) not available|(?P<shell>[\w.-]+): (?:command )?not found"
)
_READ_ONLY = re.compile(r"[Rr]ead-only file system")
_UNSAVED = re.compile(r"^figure \S+ was left open and (?:could not be|is not) saved", re.MULTILINE)
_SOCKETS = {"socket"}  # an environment of `onViolation: Record` lets such a program succeed
# Packages that are of use with a network alone.
_CLIENTS = {"pandas_datareader", "requests", "pooch"}


@dataclass(frozen=True)
class Failed:
    """What is known of one failed job: its status' words, the end of its stderr, and how it went without a sandbox."""

    category: str
    reason: str
    message: str = ""
    stderr: str = ""
    exit_code: int | None = None
    system_calls: dict[str, int] = field(default_factory=dict)
    package: str = ""
    plain: bool | None = None  # whether it succeeded there; None: nobody looked


def cause(failed: Failed) -> tuple[Cause, str]:
    """Return the cause, and what it needs or says, in a few words."""
    if failed.category == "RESOURCE_LIMIT":
        return Cause.LIMIT, failed.reason
    if failed.reason == "PackageMissing":
        return _package(failed.package)
    if not _its_own(failed):
        return Cause.OURS, failed.reason
    if failed.exit_code == 0:  # it was refused something, and did without
        why = Cause.NETWORK if set(failed.system_calls) <= _SOCKETS else Cause.OURS
        return why, "succeeded after " + ", ".join(sorted(failed.system_calls))
    lines = _last_words(failed)
    found = _needed("\n".join(lines))
    if found is not None:
        return found
    return (Cause.BROKEN if failed.plain is False else Cause.OURS), lines[0][:200]


def lost(stderr: str) -> bool:
    """Whether a program that ended well says itself that what it drew is not among its artifacts."""
    return _UNSAVED.search(stderr) is not None


def undecided(failed: Failed) -> bool:
    """Whether only a run without a sandbox can tell whose fault it is."""
    return failed.plain is None and failed.exit_code != 0 and _its_own(failed) and cause(failed)[0] is Cause.OURS


def _its_own(failed: Failed) -> bool:
    """Whether the program ended with an error of its own, for whatever reason."""
    return failed.category in ("USER_CODE_ERROR", "SANDBOX_VIOLATION", LOST) and failed.reason != "ArtifactRejected"


def _last_words(failed: Failed) -> list[str]:
    """Return the last lines that it printed, the last one first, and the verdict's own: earlier ones are of what it overcame."""
    printed = [line.strip() for line in failed.stderr.splitlines() if line.strip()]
    return [*reversed(printed[-LAST:]), failed.message.partition("\n")[0]]


def _needed(text: str) -> tuple[Cause, str] | None:
    if match := _PACKAGE.search(text):
        return _package(next(filter(None, match.groups())))
    if match := _PROGRAM.search(text):
        return Cause.PROGRAM, next(filter(None, match.groups()))
    if "ImportError" in text and (match := _OPTIONAL.search(text)):
        return _package(match["package"])
    for rule, kind in ((_DISPLAY, Cause.DISPLAY), (_NETWORK, Cause.NETWORK), (_READ_ONLY, Cause.READ_ONLY)):
        if match := rule.search(text):
            return kind, match[0]
    return None


def _package(name: str) -> tuple[Cause, str]:
    return (Cause.NETWORK if name in _CLIENTS else Cause.PACKAGE), name
