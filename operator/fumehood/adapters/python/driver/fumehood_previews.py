"""Small pictures of plots and heads of tables, beside the artifacts: /outputs/.previews/NAME.png and NAME.json.

    python3 fumehood_previews.py FILES DISK

With what the environment has: Pillow for pictures, pypdfium2 for PDF, resvg_py for
SVG, pandas or pyarrow for what is no text. What it has not, and what cannot be read,
gets none. Whoever starts this bounds its time, its memory and the size of what it writes.
"""

import os
import sys

FOLDER = ".previews"
PIXELS = 1024  # width and height at most
LARGEST_PICTURE = 1 << 20  # bytes of a preview
MOST_PIXELS = 50 * 1000 * 1000  # of a picture that is looked at
SMALL_TABLE = 4 << 10  # a text table of no more bytes, that would be shown whole, is its own preview
LARGEST = 64 << 20  # bytes of an artifact that is looked at
FILES = 100
ROWS, COLUMNS, CELL, LINE = 20, 50, 200, 100 * 1000


def make(root, files, disk):
    """Make previews of the artifacts below `root`, without coming near the limits on files and bytes of all writable folders."""
    names, entries, size = _look(root)
    for other in {os.environ.get("TMPDIR", "/tmp"), os.path.expanduser("~")} - {root}:
        _, more, larger = _look(other)
        entries, size = entries + more, size + larger
    files, room = min(FILES, (files - entries) // 3), (disk - size) // 2
    for name in names:
        maker = _MAKERS.get(os.path.splitext(name)[1].lower())
        if files <= 0 or room < LARGEST_PICTURE:
            return
        if maker is None:
            continue
        try:
            written = _make(root, name, *maker)
        except Exception:  # noqa: S112 - hostile bytes, foreign libraries: no preview then  # nosec B112
            continue
        files, room = files - bool(written), room - written


def _look(root):
    """Return the names of files that are not too large, how many entries there are in all, and their bytes."""
    names, entries, size = [], 0, 0
    for folder, folders, files in os.walk(root):
        entries += len(folders) + len(files)
        for file in files:
            path = os.path.join(folder, file)
            found = os.lstat(path)
            size += found.st_blocks * 512
            if _is_file(found) and found.st_size <= LARGEST:
                names.append(os.path.relpath(path, root))
    return sorted(name for name in names if not name.startswith(FOLDER + "/")), entries, size


def _is_file(found):
    return found.st_mode & 0o170000 == 0o100000


def _make(root, name, suffix, maker):
    """Return how many bytes were written; what is there already stays as it is, and nothing is written through links."""
    content = maker(os.path.join(root, name))
    target = os.path.join(os.path.realpath(root), FOLDER, name + suffix)
    folder = os.path.dirname(target)
    if content is None or len(content) > LARGEST_PICTURE or not _is_plain(folder):
        return 0
    os.makedirs(folder, exist_ok=True)
    with open(target, "xb") as file:
        return file.write(content)


def _is_plain(folder):
    return os.path.realpath(folder) == folder


def _picture(path):
    from PIL import Image

    with Image.open(path) as image:
        if image.width * image.height > MOST_PIXELS:
            return None
        if max(image.size) <= PIXELS and os.path.getsize(path) <= LARGEST_PICTURE // 2 and image.format == "PNG":
            return None  # is its own preview
        image.draft("RGB", (PIXELS, PIXELS))
        return _png(image)


def _pdf(path):
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    page = document[0]
    return _png(page.render(scale=PIXELS / max(page.get_size())).to_pil())


def _svg(path):
    import io

    import resvg_py
    from PIL import Image

    with open(path, encoding="utf-8") as file:
        drawn = resvg_py.svg_to_bytes(svg_string=file.read(), dpi=96, width=PIXELS)
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

    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        text = [line.replace("\0", "\ufffd") for line in _lines(file)]
    try:
        dialect = csv.Sniffer().sniff("".join(text)[:4096], ",;\t|")
    except csv.Error:
        dialect = csv.excel_tab if path.endswith(".tsv") else csv.excel
    rows = list(csv.reader(text, dialect))
    if not rows:
        return None
    longer = len(rows) > ROWS + 1 or len(text[-1]) == LINE
    if not longer and len(rows[0]) <= COLUMNS and os.path.getsize(path) <= SMALL_TABLE:
        return None
    return _head(rows[0], rows[1 : ROWS + 1], longer)


def _lines(file):
    """Yield as many lines as are shown, and one; nothing after one that is cut."""
    for _ in range(ROWS + 2):
        line = file.readline(LINE)
        if not line:
            return
        yield line
        if len(line) == LINE:
            return


def _parquet(path):
    import pyarrow
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        names = file.schema_arrow.names[:COLUMNS]
        batches = list(_few(file.iter_batches(batch_size=ROWS, columns=names)))
        table = pyarrow.Table.from_batches(batches, schema=batches[0].schema if batches else None)
        return _arrow(table, file.metadata.num_rows > ROWS, len(file.schema_arrow.names) > COLUMNS)


def _feather(path):
    from pyarrow import feather

    table = feather.read_table(path, memory_map=True)
    return _arrow(table.slice(0, ROWS), table.num_rows > ROWS, table.num_columns > COLUMNS)


def _arrow(table, longer, wider):
    rows = [[str(cell) for cell in row.values()] for row in table.to_pylist()[:ROWS]]
    return _head([str(name) for name in table.column_names], rows, longer or wider)


def _few(batches):
    from itertools import islice

    return islice(batches, 1)


def _workbook(path):
    import pandas

    frame = pandas.read_excel(path, nrows=ROWS + 1)
    rows = [[str(cell) for cell in row] for row in frame.iloc[:ROWS, :COLUMNS].itertuples(index=False)]
    return _head([str(column) for column in frame.columns], rows, len(frame) > ROWS)


def _head(columns, rows, more):
    import json

    document = {
        "columns": [column[:CELL] for column in columns[:COLUMNS]],
        "rows": [[cell[:CELL] for cell in row[:COLUMNS]] for row in rows],
        "truncated": bool(more or len(columns) > COLUMNS),
    }
    return json.dumps(document, ensure_ascii=False).encode(errors="replace")


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


if __name__ == "__main__":
    make(os.environ.get("FUMEHOOD_OUTPUTS", "/outputs"), *map(int, sys.argv[1:]))
