"""What Python's own messages say of a failure: the last traceback's error, and the user's line in it (pure).

The text is the program's, cut at its beginning, and may be forged. Each line is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fumehood_sandbox import wire

from ...core.program import DRIVER, Diagnosis

MAX_MESSAGE = 500
# The user's own frames: below the working directory; Python 3.8 names the program's file as it was given.
_OWN = rf"(?:{wire.WORK}/|(?![/<]))(?!{re.escape(DRIVER)}/)"
_FRAME = re.compile(rf'  File "{_OWN}(?P<file>[^"]{{1,200}})", line (?P<line>[0-9]{{1,7}})(?![0-9])')
_CELL = re.compile(r"(?P<where>cell [0-9]{1,6}(?:, line [0-9]{1,7})?): (?P<message>.{1,500})")
_NAME = re.compile(r"[^\W\d]\w{0,200}(?:\.(?:<locals>\.)?[^\W\d]\w{0,200}){0,20}(?=:|$)")
_MISSING = re.compile(
    r"(?:ModuleNotFoundError|ImportError): "
    r"(?:No module named '(?P<module>\w{1,100})'$|Missing optional dependency '(?P<package>[\w.-]{1,100})')"
)
_HEAD = "Traceback (most recent call last):"
_GROUP = re.compile(r"  [|+] ")  # the margin of an exception group's own traceback
# What the interpreter tells of errors that it goes on after.
_ASIDE = ("Exception ignored", "--- Logging error ---", "Error in ")
# Packages that are not called as what is imported of them.
_PACKAGES = {
    "attr": "attrs",
    "Bio": "biopython",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "google": "protobuf",
    "IPython": "ipython",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


@dataclass(frozen=True)
class _Traceback:
    """One traceback: its error's first line, the deepest of the user's own lines, and whether it was an aside."""

    message: str
    location: str
    aside: bool


def diagnosis(stderr: str) -> Diagnosis | None:
    """Return what the end of a program's stderr says, if Python wrote it."""
    lines = stderr.split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    if cell := _CELL.fullmatch(last[: MAX_MESSAGE + 50]):
        return _judge(cell["message"], cell["where"])
    found = [one for one in _tracebacks(lines) if not one.aside]
    return _judge(found[-1].message, found[-1].location) if found else None


def _judge(message: str, location: str) -> Diagnosis:
    # Of a package that is there, a module that is not is named whole: `sklearn.foo`. That is no missing package.
    missing = _MISSING.match(message)
    name = (missing["module"] or missing["package"]) if missing else ""
    return Diagnosis(message, location, _PACKAGES.get(name, name))


def _tracebacks(lines: list[str]) -> Iterator[_Traceback]:
    """Yield the tracebacks in their order: frames, which are indented, then the error, which is not."""
    location, framed, aside, before = "", False, False, ""
    for number, line in enumerate(lines):
        text = _GROUP.sub("", line, count=1) if _GROUP.match(line) else line
        if text.endswith(_HEAD):
            location, framed, aside = "", False, before.startswith(_ASIDE)
        elif text.startswith('  File "'):
            framed = True
            if frame := _FRAME.match(text):
                location = f"{frame['file']}:{frame['line']}"
        elif framed and text.strip() and not text.startswith(" "):
            if _NAME.match(text):
                yield _Traceback(_message(text, lines[number + 1 : number + 2]), location, aside)
            location, framed, aside = "", False, False
        before = text


def _message(first: str, following: list[str]) -> str:
    """Return the first line of an error that says something."""
    text = first if not first.rstrip().endswith(":") or not following else f"{first.rstrip()} {following[0].strip()}"
    return text[:MAX_MESSAGE]
