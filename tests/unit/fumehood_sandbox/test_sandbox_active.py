"""What a viewer would execute is flagged; what analyses ordinarily write is not."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from fumehood_sandbox import active, formats
from fumehood_sandbox.names import Names

PLOT = b"""<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="460.8pt" viewBox="0 0 460.8 345.6" xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata><rdf:RDF xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
   <dc:type rdf:resource="http://purl.org/dc/dcmitype/StillImage"/><dc:title>Matplotlib v3.11, https://matplotlib.org/</dc:title>
 </rdf:RDF></metadata>
 <defs><style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style></defs>
 <g id="line2d_1"><defs><path id="m1" d="M 0 0 L 0 3.5 "/></defs>
  <g clip-path="url(#p1)"><use xlink:href="#m1" x="73" y="307" style="stroke: #000"/></g>
  <image xlink:href="data:image/png;base64,
iVBORw0KGgo=" id="i"/></g>
</svg>"""
REPORT = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n/Annots [<< /A << /S /URI >> >>]\nstream\n\x01/JSx\xff"


def is_active(name: str, content: bytes, chunk: int = 1 << 20) -> bool:
    found = active.search(name, formats.detect(name, content[: formats.HEAD]))
    for part in pieces(content, chunk):
        found.feed(part)
    return found.end()


def pieces(content: bytes, size: int) -> Iterable[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def svg(inner: bytes) -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg">' + inner + b"</svg>"


SVGS = {
    "script": b"<script>alert(1)</script>",
    "prefix": b'<x:SCRIPT xmlns:x="http://www.w3.org/2000/svg">1</x:SCRIPT>',
    "handler": b'<rect onload="alert(1)"/>',
    "handler-after-blanks": b"<rect\nonload \n =1 />",
    "foreign": b"<foreignObject><p/></foreignObject>",
    "reference": b'<image xlink:href="http://attacker.example/x.png"/>',
    "reference-unquoted-colon": b'<a href = "javascript:1"/>',
    "reference-encoded": b'<a href="&#106;avascript:1"/>',
    "reference-after-blanks": b"<a href" + b" " * 990 + b'= "http://x"/>',
    "blanks": b"<rect onload" + b" " * 5000 + b'="1"/>',
    "import": b"<style>@import 'http://x';</style>",
    "style": b"<style>*{background:url(http://x)}</style>",
    "entity": b"<!ENTITY x 'y'>",
    "attlist": b"<!ATTLIST svg onload CDATA 'alert(1)'>",
    "data": b'<use href="data:image/svg+xml;base64,AAAA#x"/>',
    "animation": b'<set attributeName="href" to="x"/>',
}


@pytest.mark.parametrize("name", SVGS)
@pytest.mark.parametrize("chunk", [1 << 20, 5000, 4096])
def test_svg_with_more_than_a_picture_is_active(name: str, chunk: int) -> None:
    assert is_active("a.svg", svg(b"<g/>" * 2000 + SVGS[name] + b"<g/>" * 2000), chunk)


PDFS = {
    "javascript": b"<< /S /JavaScript /JS (app.alert(1)) >>",
    "open": b"/OpenAction 5 0 R",
    "escaped": b"/J#61vaScript (x)",
    "escaped-short": b"/#4a#53 (x)",
    "additional": b"/AA<</O 1 0 R>>",
    "launch": b"/Launch",
    "file": b"/EmbeddedFiles 3 0 R",
    "compressed-objects": b"<< /Type /ObjStm /N 3 >>",
    "encrypted": b"/Encrypt 9 0 R",
}


@pytest.mark.parametrize("name", PDFS)
@pytest.mark.parametrize("chunk", [1 << 20, 4096])
def test_pdf_with_more_than_pages_is_active(name: str, chunk: int) -> None:
    assert is_active("a.pdf", b"%PDF-1.7\n" + b"0 0 m\n" * 3000 + PDFS[name] + b"\n0 0 m" * 3000, chunk)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<html>"),
        ("a.png", b"<!DOCTYPE html><p>"),  # by its bytes
        ("a.html", b"plain words"),  # by its name
        ("a.xhtml", b"<p/>"),
        ("a.svgz", b"\x1f\x8b\x08"),
        ("a.svg", b"words and then <script>"),
        ("a.pdf", b"junk %PDF-1.4 /JavaScript"),
        ("a.xml", b"<?xml version='1.0'?><x:a xmlns:x='http://www.w3.org/1999/xhtml'/>"),
        ("a.xml", b"<?xml version='1.0'?><?xml-stylesheet href='#x'?><a/>"),
    ],
)
def test_what_bytes_or_name_make_a_page_is_active(name: str, content: bytes) -> None:
    assert is_active(name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plot.svg", PLOT),
        ("report.pdf", REPORT),
        ("a.xml", b"<?xml version='1.0'?><root><item once='1'>curl, reset, only</item></root>"),
        ("a.csv", b"=cmd|' /C calc'!A0,<script>"),
        ("a.json", b'{"html": "<script>"}'),
        ("a.zip", b"PK\x03\x04<script>"),
        ("a.png", b"\x89PNG\r\n\x1a\n<script>"),
    ],
)
@pytest.mark.parametrize("chunk", [1 << 20, 100])
def test_what_analyses_write_is_not(name: str, content: bytes, chunk: int) -> None:
    assert not is_active(name, content, chunk)


def test_what_is_too_much_to_look_through_counts_as_active(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active, "MOST", 10_000)
    assert not is_active("a.svg", svg(b"<g/>" * 2000))
    assert is_active("a.svg", svg(b"<g/>" * 3000))


@pytest.mark.parametrize("hostile", [b"<" * 9, b"<a:", b" on", b"href =  ", b"\n" * 900 + b"x", b"/J#6", b"url(", b"o"])
def test_a_hostile_file_costs_no_time(hostile: bytes) -> None:
    content = svg(hostile * (1 + (1 << 20) // len(hostile)))
    began = time.process_time()
    for name in ("a.svg", "a.pdf"):
        is_active(name, content)
    assert time.process_time() - began < 200  # a second or so; quadratic in a MiB would be hours


def test_a_run_of_blanks_is_looked_at_once() -> None:
    def spent(piece: bytes) -> float:
        content, times = svg(piece * ((1 << 20) // len(piece))), []
        for _ in range(3):
            began = time.process_time()
            assert not is_active("a.svg", content)
            times.append(time.process_time() - began)
        return min(times)

    assert spent(b" " * 998 + b"x") < 5 * spent(b"x" * 998 + b" ")  # from each of its blanks: 13 times as long


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("plot.png", "Plot.PNG"),
        ("caf\u00e9.txt", "cafe\u0301.txt"),
        ("stra\u00dfe", "STRASSE"),
        ("\u212a.txt", "k.txt"),
        ("a", "A/b"),
        ("A/b", "a"),
        ("d\u00e9/x", "De\u0301/X"),
        ("a.png", "A.png."),
        ("d/x", "d ./x"),
        ("caf\u00e9 .", "cafe\u0301"),
        ("ab", "a\u200bb"),
        ("ab", "a\u00ad\u2060b"),
    ],
)
def test_names_that_cannot_be_told_apart_everywhere(first: str, second: str) -> None:
    names = Names()
    assert names.take(first)
    assert not names.take(second)


@pytest.mark.parametrize(
    ("first", "second"), [("a", "b"), ("A/b", "a/c"), ("r2", "r\u00b2"), ("a/b", "ab"), ("a", "ab/c"), ("...", "...."), (" a", "a")]
)
def test_names_that_can(first: str, second: str) -> None:
    names = Names()
    assert names.take(first)
    assert names.take(second)
