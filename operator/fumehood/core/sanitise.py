"""Text from a job, made fit to show: bounded, no control characters, no internal path, no secret.

The user's own lines stay. What is taken out is replaced by a mark, so that a reader
sees that something was there.
"""

from __future__ import annotations

import re
import unicodedata

MARK = "…"
_PATH = re.compile(r"(?<![\w./:])/(?:[\w.+@~-]+/)*[\w.+@~-]+")
_WORK = re.compile(r"(?<![\w./])/(?:work|inputs|outputs|tmp)(?=/|\b)/?")
_SECRETS = (
    re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/?#\"'<>]{1,512}@"),  # user:password@host, token@host
    re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}"),  # JSON web tokens
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\b(?:gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|sk-|hf_|npm_|pypi-)[\w-]{16,}"),  # tokens that say whose they are
    re.compile(r"\bAIza[\w-]{30,}"),
    re.compile(r"(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----\s{0,8})[A-Za-z0-9+/=\s]{1,8000}"),
    re.compile(r"\A(?:[^\n]{0,64}\n)?(?:[A-Za-z0-9+/=]{1,80}\n)+(?=-----END [A-Z ]{0,20}PRIVATE KEY)"),  # a key whose front is cut
    re.compile(r"(?i)\b((?:x-amz-)?(?:signature|credential|security-token)=)[^\s&\"']+"),
    # Also inside a longer name (AWS_SECRET_ACCESS_KEY) and as a quoted key of JSON or a dict.
    re.compile(r"(?i)((?:secret|token|password|passwd|api[_-]?key|access[_-]?key)[\w-]{0,40}[\"']?\s{0,8}[=:]\s{0,8}[\"']?)[^\s\"',;]{4,}"),
    re.compile(r"(?i)\b(authorization[\"']?\s{0,8}[=:]\s{0,8}[\"']?\w+\s+)[^\s\"']+"),
)


def text(raw: str, limit: int) -> str:
    """Return `raw` cleaned, and cut at the front so that at most `limit` characters are left.

    The end is kept: that is where a traceback says what went wrong.
    """
    clean = printable(raw[-4 * limit :])
    for pattern in _SECRETS:
        clean = pattern.sub(lambda found: (found[1] if found.re.groups else "") + MARK, clean)
    clean = _PATH.sub(_shorten, clean)
    return clean if len(clean) <= limit else MARK + clean[len(clean) - limit + 1 :]


def printable(raw: str) -> str:
    """Return `raw` without control, bidirectional and unassigned characters but newline and tab."""
    return "".join(char if char in "\n\t" or _is_printable(char) else "\ufffd" for char in raw.replace("\r\n", "\n"))


def _is_printable(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _shorten(found: re.Match[str]) -> str:
    """A path of the user's own folders keeps what is below; any other keeps its last part."""
    path = found[0]
    own = _WORK.match(path)
    return path[own.end() :] or MARK if own else f"{MARK}/{path.rsplit('/', 1)[-1]}"
