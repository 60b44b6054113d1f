"""Text from a job or a machine, made fit to show: bounded, no control characters, no internal path, no secret.

The user's own lines stay. What is taken out is replaced by a mark, so that a reader
sees that something was there. `text` is for what others wrote, `printable` for one
word of theirs; `hide` and `without` are the nets below, which know words of our own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MARK = "…"
SHORTEST = 4  # a secret of fewer characters cannot be told from a word
_OURS = re.compile(
    r"/{1,4}(?:opt|run|var/run|etc)/fumehood(?:/[\w.+@~-]*)*(?=/)"
    r"|(?<![\w./+@~-])[\w./+@~-]{1,1024}/(?:site|dist)-packages(?=/)"
)
_START = r"(?:(?<![\w./:…])/{1,8}|(?<=:)/(?!/)|(?<=file://)/)"
_PATH = re.compile(_START + r"(?:[\w.+@~-]+/{1,8})*[\w.+@~-]+")
_WORK = re.compile(r"/+(?:work|inputs|outputs|tmp)(?=/|\b)/*")
_NETWORK = re.compile(
    r"(?i)\b[a-z0-9][a-z0-9.-]{0,250}\.svc(?:\.cluster\.local)?\b"
    r"|(?<![\w.])(?:10|127|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168)(?:\.\d{1,3}){2,3}(?![\w.]*\w)"
)
_NAMED = r"(?:secret|token|passw(?:or)?d|passphrase|pwd|private[_-]?key|api[_-]?key|access[_-]?key)"
_ASSIGNED = r"[\"']?\s{0,8}[=:]\s{0,8}[\"']?"
_SECRETS = (
    re.compile(r"()-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", re.DOTALL),
    re.compile(r"()\A(?:[^\n]{0,64}\n)?(?:[A-Za-z0-9+/=]{1,80}\n)+(?=-----END [A-Z ]{0,20}PRIVATE KEY)"),  # a key whose front is cut
    re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/?#\"'<>]{1,4096}@"),  # user:password@host, token@host
    re.compile(r"()eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}"),  # JSON web tokens
    re.compile(r"()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"()\b(?:gh[oprsu]_|github_pat_|glpat-|xox[abeprs]-|sk-|hf_|npm_|pypi-)[\w-]{10,}"),  # tokens that say whose they are
    re.compile(r"()\bAIza[\w-]{30,}"),
    re.compile(r"(?i)\b((?:x-amz-)?(?:signature|credential|security-token)" + _ASSIGNED + r")[^\s&\"',;]+"),
    # Also inside a longer name (AWS_SECRET_ACCESS_KEY) and as a quoted key of JSON or a dict.
    re.compile(r"(?i)(" + _NAMED + r"[\w-]{0,40}" + _ASSIGNED + r")[^\s\"',;]{4,}"),
    re.compile(r"(?i)\b(authorization" + _ASSIGNED + r"(?:(?:basic|bearer|digest|negotiate|token|aws4-hmac-sha256)[ \t]+)?)[^\s\"']+"),
    re.compile(r"(?i)\b(bearer[ \t]+)[\w.~+/=-]{16,}"),
)


def text(raw: str, limit: int) -> str:
    """Return `raw` cleaned, and cut at the front so that at most `limit` characters are left.

    The end is kept: that is where a traceback says what went wrong.
    """
    window = raw[-4 * limit :]
    clean = printable(_whole(window) if len(window) < len(raw) else window)
    clean = _PATH.sub(_shorten, _OURS.sub(MARK, _without_secrets(clean)))
    return _last(_NETWORK.sub(_hide_address, clean), limit)


def printable(raw: str) -> str:
    """Return `raw` without control, bidirectional and unassigned characters but newline and tab."""
    return "".join(char if char in "\n\t" or _is_printable(char) else "\ufffd" for char in raw.replace("\r\n", "\n"))


def hide(raw: str, words: Iterable[str]) -> str:
    """Return `raw` without these words; the longest go first, since one may hold another."""
    for word in sorted(set(words), key=len, reverse=True):
        if len(word) >= SHORTEST:
            raw = raw.replace(word, MARK)
    return raw


def without(raw: str, words: Iterable[str]) -> str:
    """Return `raw` without these words, and without whatever looks like a secret or steers a terminal."""
    return printable(_without_secrets(hide(raw, words)))


def _without_secrets(raw: str) -> str:
    for pattern in _SECRETS:
        raw = pattern.sub(lambda found: found[1] + MARK, raw)
    return raw


def _whole(window: str) -> str:
    """Return what follows the first end of a line, or of a word if there is but one line: before it may be half a secret."""
    for ends in ("\n", " "):
        _, end, rest = window.partition(ends)
        if end and rest.strip():
            return MARK + end + rest
    return MARK


def _last(clean: str, limit: int) -> str:
    return clean if len(clean) <= limit else MARK + clean[len(clean) - limit + 1 :]


def _is_printable(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _shorten(found: re.Match[str]) -> str:
    """A path of the user's own folders keeps what is below; any other keeps its last part."""
    path = found[0]
    own = _WORK.match(path)
    return path[own.end() :] or MARK if own else f"{MARK}/{path.rsplit('/', 1)[-1]}"


def _hide_address(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("127.") else MARK
