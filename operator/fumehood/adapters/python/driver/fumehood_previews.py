"""Small pictures of plots and heads of tables, beside the artifacts: /outputs/.previews/NAME.png and NAME.json.

With what the environment has: Pillow for pictures, pypdfium2 for PDF, resvg_py for
SVG, pandas for what is no text. What it has not, and what cannot be read, gets none.
"""

import json
import os
import time

FOLDER = ".previews"
PIXELS = 1024  # width and height at most
SMALL = 512 << 10  # a picture of no more bytes (and pixels) is its own preview
LARGEST = 64 << 20  # bytes of an artifact that is looked at
FILES = 100
SECONDS = 10.0
ROWS, COLUMNS, CELL = 20, 50, 200


def make(root):
    """Make previews of the artifacts below `root`, as far as time and number allow."""
    deadline = time.monotonic() + SECONDS
    for number, name in enumerate(_names(root)):
        maker = _MAKERS.get(os.path.splitext(name)[1].lower())
        if number >= FILES or time.monotonic() > deadline:
            return
        if maker is None:
            continue
        try:
            _make(root, name, *maker)
        except Exception:  # noqa: S112 - hostile bytes, foreign libraries: no preview then  # nosec B112
            continue


def _make(root, name, suffix, maker):
    content = maker(os.path.join(root, name))
    if content is None:
        return
    target = os.path.join(root, FOLDER, name + suffix)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(content)


def _names(root):
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(one for one in folders if one != FOLDER or folder != root)
        for file in files:
            path = os.path.join(folder, file)
            if not os.path.islink(path) and os.path.getsize(path) <= LARGEST:
                found.append(os.path.relpath(path, root))
    return sorted(found)


def _picture(path):
    from PIL import Image

    with Image.open(path) as image:
        if max(image.size) <= PIXELS and os.path.getsize(path) <= SMALL and image.format == "PNG":
            return None
        return _png(image)


def _pdf(path):
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        page = document[0]
        return _png(page.render(scale=PIXELS / max(page.get_size())).to_pil())


def _svg(path):
    import io

    import resvg_py
    from PIL import Image

    with open(path, encoding="utf-8") as file:
        drawn = resvg_py.svg_to_bytes(svg_string=file.read())
    with Image.open(io.BytesIO(bytes(drawn))) as image:
        return _png(image)


def _png(image):
    import io

    image.thumbnail((PIXELS, PIXELS))
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _text_table(path):
    import csv
    import itertools

    with open(path, encoding="utf-8-sig", newline="") as file:
        sample = file.read(4096)
        file.seek(0)
        try:
            dialect = csv.Sniffer().sniff(sample, ",;\t|") if sample else csv.excel
        except csv.Error:
            dialect = csv.excel_tab if path.endswith(".tsv") else csv.excel
        rows = list(itertools.islice(csv.reader(file, dialect), ROWS + 2))
    if not rows:
        return None
    return _head(rows[0], rows[1 : ROWS + 1], len(rows) > ROWS + 1)


def _parquet(path):
    import pandas

    return _frame(pandas.read_parquet(path))


def _feather(path):
    import pandas

    return _frame(pandas.read_feather(path))


def _workbook(path):
    import pandas

    return _frame(pandas.read_excel(path, nrows=ROWS + 1))


def _frame(frame):
    rows = [[str(cell) for cell in row] for row in frame.iloc[:ROWS, :COLUMNS].itertuples(index=False)]
    return _head([str(column) for column in frame.columns], rows, len(frame) > ROWS)


def _head(columns, rows, more):
    document = {
        "columns": [column[:CELL] for column in columns[:COLUMNS]],
        "rows": [[cell[:CELL] for cell in row[:COLUMNS]] for row in rows],
        "truncated": bool(more or len(columns) > COLUMNS),
    }
    return json.dumps(document, ensure_ascii=False).encode()


_MAKERS = {
    ".png": (".png", _picture),
    ".jpg": (".png", _picture),
    ".jpeg": (".png", _picture),
    ".gif": (".png", _picture),
    ".tif": (".png", _picture),
    ".tiff": (".png", _picture),
    ".webp": (".png", _picture),
    ".pdf": (".png", _pdf),
    ".svg": (".png", _svg),
    ".csv": (".json", _text_table),
    ".tsv": (".json", _text_table),
    ".parquet": (".json", _parquet),
    ".feather": (".json", _feather),
    ".xlsx": (".json", _workbook),
}
