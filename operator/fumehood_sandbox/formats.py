"""Says what a file is, from its first bytes.

The name is the program's claim. It only chooses among what the bytes allow: a
text file called `.csv` is CSV, anything called `.png` that is no PNG is what
its bytes say. Nothing is parsed. Content types of what a browser or a loader
would execute are left as they are found; who serves them does so as attachments.
"""

from __future__ import annotations

from typing import NamedTuple

HEAD = 4096  # bytes that are looked at

_BINARY = "application/octet-stream"


class Format(NamedTuple):
    """A short name, and the media type."""

    name: str
    content_type: str


_SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", Format("png", "image/png")),
    (b"\xff\xd8\xff", Format("jpeg", "image/jpeg")),
    (b"GIF87a", Format("gif", "image/gif")),
    (b"GIF89a", Format("gif", "image/gif")),
    (b"II*\0", Format("tiff", "image/tiff")),
    (b"MM\0*", Format("tiff", "image/tiff")),
    (b"%PDF-", Format("pdf", "application/pdf")),
    (b"%!PS", Format("postscript", "application/postscript")),
    (b"PAR1", Format("parquet", "application/vnd.apache.parquet")),
    (b"ARROW1\0\0", Format("arrow", "application/vnd.apache.arrow.file")),
    (b"FEA1", Format("feather", _BINARY)),
    (b"\x93NUMPY", Format("npy", _BINARY)),
    (b"\x89HDF\r\n\x1a\n", Format("hdf5", "application/x-hdf5")),
    (b"SQLite format 3\0", Format("sqlite", "application/vnd.sqlite3")),
    (b"\x1f\x8b", Format("gzip", "application/gzip")),
    (b"BZh", Format("bzip2", "application/x-bzip2")),
    (b"\xfd7zXZ\0", Format("xz", "application/x-xz")),
    (b"\x28\xb5\x2f\xfd", Format("zstd", "application/zstd")),
    (b"\x7fELF", Format("elf", _BINARY)),
    (b"\0asm", Format("wasm", _BINARY)),
)
_ZIPPED = {
    ".npz": Format("npz", _BINARY),
    ".xlsx": Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ".docx": Format("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ".pptx": Format("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
}
_OFFICE = (b"[Content_Types].xml", b"_rels/.rels", b"docProps/", b"xl/", b"word/", b"ppt/")
_TEXTS = {
    ".csv": Format("csv", "text/csv"),
    ".tsv": Format("tsv", "text/tab-separated-values"),
    ".md": Format("markdown", "text/markdown"),
    ".tex": Format("tex", "text/x-tex"),
    ".jsonl": Format("jsonl", "application/jsonl"),
    ".ndjson": Format("jsonl", "application/jsonl"),
    ".yaml": Format("yaml", "application/yaml"),
    ".yml": Format("yaml", "application/yaml"),
}
_JSON = {".json": Format("json", "application/json"), ".geojson": Format("json", "application/json")}
_JSON[".ipynb"] = _JSON[".json"]
_JSON_START = b'{["-0123456789tfn'

TEXT = Format("text", "text/plain")
BINARY = Format("binary", _BINARY)

_PLOTS = {"png", "jpeg", "gif", "webp", "tiff", "bmp", "svg", "pdf", "postscript"}
_DATASETS = {"csv", "tsv", "json", "jsonl", "parquet", "arrow", "feather", "npy", "npz", "hdf5", "sqlite", "xlsx"}


def detect(name: str, head: bytes) -> Format:
    """Return the format of a file called `name` that begins with `head` (at most HEAD bytes of it)."""
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    return _binary(suffix, head) or _text(suffix, head)


def kind_of(found: Format) -> str:
    """What a file of this format is to its reader, where no rule says it."""
    if found.name in _PLOTS:
        return "plot"
    return "dataset" if found.name in _DATASETS else "export"


def _binary(suffix: str, head: bytes) -> Format | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format("webp", "image/webp")
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0" and head[14:18] in (b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return Format("bmp", "image/bmp")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(suffix, head)
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return Format("pickle", _BINARY)
    return None


def _zip(suffix: str, head: bytes) -> Format:
    plausible = b".npy" in head if suffix == ".npz" else any(mark in head for mark in _OFFICE)
    if suffix in _ZIPPED and plausible:
        return _ZIPPED[suffix]
    return Format("zip", "application/zip")


def _text(suffix: str, head: bytes) -> Format:
    if not _is_text(head):
        return BINARY
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = start.lower()
    if lower.startswith((b"<!doctype html", b"<html")):
        return Format("html", "text/html")
    if _root(lower).startswith((b"<svg ", b"<svg>", b"<svg\n", b"<svg\t", b"<svg\r", b"<svg:svg")):
        return Format("svg", "image/svg+xml")
    if lower.startswith(b"<?xml"):
        return Format("xml", "application/xml")
    if suffix in _JSON and start[:1] and start[:1] in _JSON_START:
        return _JSON[suffix]
    return _TEXTS.get(suffix, TEXT)


def _root(text: bytes) -> bytes:
    """Skip what may stand before the first element of an XML document."""
    while text.startswith((b"<?", b"<!")):
        end = b"-->" if text.startswith(b"<!--") else b"]>" if b"[" in text[: text.find(b">")] else b">"
        at = text.find(end)
        if at < 0:
            return b""
        text = text[at + len(end) :].lstrip()
    return text


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut by the end of what is looked at.
        return len(head) >= HEAD and error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True
