"""Generated manifests: near the border between valid and invalid, where two judges would differ."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from .corpus import job

_CHARS = st.sampled_from(
    [*string.ascii_letters, *string.digits, *"._-+/:@ \\\n\t\x00\x7f", "\u00a0", "\u2028", "\x0b", "\x85", "é", "数", "😀", "٣"]
)
TEXT = st.text(_CHARS, max_size=12)
NUMBERS = st.one_of(
    st.integers(-2, 3),
    st.sampled_from(
        [
            10_000,
            10_001,
            15,
            16,
            65_536,
            65_537,
            1_000_000,
            1_000_001,
            1_048_576,
            1_048_577,
            2**53,
            2**53 + 1,
            31_536_000,
            31_536_001,
            1.0,
            1.5,
            -0.0,
            0.1,
            1e3,
        ]
    ),
)
ODD = st.one_of(st.booleans(), st.none(), NUMBERS, TEXT, st.just([]), st.just({}), st.just(["x"]), st.just({"x": "y"}))
DIGITS = st.sampled_from(["0", "1", "60", "1.5", "007", ".5", "5.", "1e3", "-1", "+1", "٣", "1_0", "999999999", "9999999999", " 1", "1\n"])
DURATIONS = st.one_of(
    st.builds("".join, st.lists(st.tuples(DIGITS, st.sampled_from(["ms", "s", "m", "h", "d", ""])).map("".join), max_size=3)), ODD
)
QUANTITIES = st.one_of(st.tuples(DIGITS, st.sampled_from(["", "m", "k", "K", "M", "Mi", "Gi", "GB", "Ti", "Ei", " Mi"])).map("".join), ODD)
NAMES = st.one_of(
    TEXT, st.lists(st.sampled_from(["a", "main.py", "..", ".", "", "-x", "_y", "b" * 128, "b" * 129, "é"]), max_size=9).map("/".join)
)
URIS = st.one_of(ODD, st.builds("s3://{}/{}".format, st.sampled_from(["bucket", "b", "BUCKET", "b.c-d", "-b", "x" * 63, "x" * 64]), TEXT))
DIGESTS = st.one_of(
    ODD, st.sampled_from(["a" * 64, "sha256:" + "0" * 64, "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "md5:" + "a" * 64])
)
GLOBS = st.one_of(ODD, NAMES, st.lists(st.sampled_from(["*", "**", "*.png", "..", ".", "", "...", "..a", "ü"]), max_size=4).map("/".join))


def _some(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=dict(optional))


S3 = st.one_of(_some({"uri": URIS}, sha256=DIGESTS), ODD)
FILES = st.one_of(st.dictionaries(st.one_of(st.just("main.py"), NAMES), st.one_of(st.just("x"), ODD), max_size=3), ODD)
SOURCE = st.one_of(
    _some({"entrypoint": st.one_of(st.just("main.py"), NAMES, ODD)}, files=FILES, configMap=st.one_of(_some({"name": NAMES}), ODD), s3=S3),
    ODD,
)
INPUT = st.one_of(
    _some(
        {"name": st.one_of(NAMES, st.just("parameters.json"), ODD)},
        inline=st.one_of(_some({"text": st.one_of(TEXT, ODD)}), ODD),
        s3=S3,
        sha256=DIGESTS,
    ),
    ODD,
)
OUTPUT = st.one_of(_some({"path": GLOBS}, kind=st.sampled_from(["plot", "export", "preview", "dataset", "Plot", "", 1])), ODD)
LIMITS = st.one_of(
    _some(
        {},
        wallClock=DURATIONS,
        cpuTime=DURATIONS,
        cpu=QUANTITIES,
        memory=QUANTITIES,
        disk=QUANTITIES,
        output=QUANTITIES,
        processes=ODD,
        openFiles=ODD,
        fileSize=QUANTITIES,
        files=ODD,
        artifacts=ODD,
        artifactBytes=QUANTITIES,
        harvest=DURATIONS,
    ),
    ODD,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "schemaVersion": st.one_of(ODD, st.builds("{}.{}".format, DIGITS, DIGITS)),
    "environment": st.one_of(ODD, NAMES),
    "source": SOURCE,
    "args": st.one_of(st.lists(st.one_of(TEXT, ODD), max_size=3), ODD),
    "parameters": st.recursive(
        ODD, lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXT, inner, max_size=2)), max_leaves=4
    ),
    "inputs": st.one_of(st.lists(INPUT, max_size=2), ODD),
    "outputs": st.one_of(st.lists(OUTPUT, max_size=2), ODD),
    "limits": LIMITS,
    "egress": st.one_of(_some({"profile": st.one_of(NAMES, ODD), "reason": st.one_of(TEXT, ODD)}), ODD),
    "ttlSecondsAfterFinished": ODD,
    "cancel": ODD,
    "unknown": ODD,
}


@st.composite
def any_job(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a job of which one field may be wrong: with more, one fault would hide the other."""
    field = draw(st.sampled_from(sorted(FIELDS)))
    document = job()
    document["spec"][field] = draw(FIELDS[field])
    return document


@st.composite
def valid_spec(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the spec of a job that both judges accept, full of a user's text."""
    text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
    names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,20}(/[A-Za-z0-9_][A-Za-z0-9._+-]{0,20}){0,2}", fullmatch=True)
    files = draw(st.dictionaries(names, text, min_size=1, max_size=3))
    inputs = draw(st.lists(names, max_size=3, unique=True))
    return {
        "schemaVersion": "1.0",
        "environment": "python",
        "source": {"entrypoint": draw(st.sampled_from(sorted(files))), "files": files},
        "args": draw(st.lists(text, max_size=3)),
        "parameters": draw(st.dictionaries(text, text, max_size=2)),
        "inputs": [{"name": name, "inline": {"text": draw(text)}} for name in inputs if name != "parameters.json"],
        "limits": draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "wallClock": st.sampled_from(["1s", "90s", "1h30m"]),
                    "cpu": st.sampled_from(["100m", 1, "2.5"]),
                    "memory": st.sampled_from(["64Mi", "1Gi", 100_000_000]),
                    "disk": st.sampled_from(["1Mi", "2Gi"]),
                },
            )
        ),
    }
