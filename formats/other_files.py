"""What a file is that holds no chats which can be read, by how it begins, and how its chats could be brought."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Other(NamedTuple):
    """`what` a file is ("a PDF"), and what to do (`fix`)."""

    what: str
    fix: str


_AS_TABLE = "Save its table as CSV (UTF-8) there, and upload that."
_AS_TEXT = "Upload the chats as JSON, JSON Lines, CSV, Parquet or Arrow, or a zip or gzip of one of these."
_UNPACK = "Unpack it, and upload the files in it; or pack them as zip or gzip."
_FROM_PYTHON = "Save the records from Python as JSON Lines: json.dumps(record), one on each line."
_ARCHIVES = {
    "a 7z archive": b"7z\xbc\xaf\x27\x1c",
    "a RAR archive": b"Rar!\x1a\x07",
    "an LZ4 archive": b"\x04\x22M\x18",
    "an lzip archive": b"LZIP",
}
BINARY = Other("a binary file", _AS_TEXT)
# How files begin that hold bytes and no text.
_BYTES: tuple[tuple[bytes, Other], ...] = (
    (b"\x89PNG", Other("a PNG picture", _AS_TEXT)),
    (b"\xff\xd8\xff", Other("a JPEG picture", _AS_TEXT)),
    (b"GIF8", Other("a GIF picture", _AS_TEXT)),
    (b"RIFF", Other("a sound, video or WebP file", _AS_TEXT)),
    (b"%PDF", Other("a PDF", _AS_TEXT)),
    (b"SQLite format 3", Other("an SQLite database", "Export its table as CSV, and upload that.")),
    (b"\x7fELF", Other("a program", _AS_TEXT)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Other("an old document of an office program (.xls, .doc)", _AS_TABLE)),
    (
        b"\x28\xb5\x2f\xfd",
        Other("packed with Zstandard (.zst)", "Unpack it with `zstd -d`, and upload what comes out."),
    ),
    *((magic, Other(what, _UNPACK)) for what, magic in _ARCHIVES.items()),
    (b"\x93NUMPY", Other("an array of NumPy", _FROM_PYTHON)),
    (b"GGUF", Other("a model (GGUF)", "Upload the chats; a model is chosen when you train.")),
    *((bytes((0x80, version)), Other("a Python pickle", _FROM_PYTHON)) for version in (2, 3, 4, 5)),
    (b"PAR1", Other("a Parquet file", _AS_TEXT)),
    (b"ARROW1", Other("an Arrow file", _AS_TEXT)),
)
_TAR = 257  # where a tar archive says that it is one
# What a zip archive is that holds a file whose name begins so.
_ZIPPED: tuple[tuple[tuple[str, ...], Other], ...] = (
    (("xl/",), Other("an Excel workbook", _AS_TABLE)),
    (("word/",), Other("a Word document", "Save the chats as a table (CSV) or as JSON Lines, and upload that.")),
    (("ppt/",), Other("a PowerPoint presentation", _AS_TEXT)),
    (("Index/Document.iwa", "Index/Tables/"), Other("a document of Apple's Numbers, Pages or Keynote", _AS_TABLE)),
    (("[Content_Types].xml",), Other("a document of an office program", _AS_TABLE)),
)
_OF_DOCUMENTS = ("[Content_Types].xml", "_rels/", "docProps/", "xl/", "word/", "ppt/", "Index/", "Data/", "preview")
_OPEN_DOCUMENTS: tuple[tuple[bytes, Other], ...] = (
    (b"application/vnd.oasis.opendocument.spreadsheet", Other("an OpenDocument spreadsheet (.ods)", _AS_TABLE)),
    (b"application/vnd.oasis.opendocument", Other("an OpenDocument text or drawing", _AS_TABLE)),
    (b"application/epub+zip", Other("a book (EPUB)", _AS_TEXT)),
)
_YAML = Other(
    "YAML",
    'Make JSON of it: python -c "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))" '
    "< FILE.yaml > FILE.json",
)
_TEXTS: tuple[tuple[re.Pattern[str], Other], ...] = (
    (
        re.compile(r"<(!doctype )?html\b", re.IGNORECASE),
        Other(
            "a web page",
            "Bring the file of the chats instead: in the export of ChatGPT it is conversations.json, beside this page.",
        ),
    ),
    (re.compile(r"<\?xml"), Other("XML", "Save the chats as JSON Lines or as a table (CSV).")),
    (re.compile(r"\{\\rtf"), Other("formatted text (RTF)", "Save the chats as a table (CSV) or as JSON Lines.")),
    (re.compile(r"[\[({][\s\[({]{0,9}'"), Other("what Python prints, not JSON: it has single quotes", _FROM_PYTHON)),
    (
        re.compile(r"version https://git-lfs\.github\.com/spec"),
        Other("a pointer of Git LFS to a file", "Fetch the file with `git lfs pull`, or from its web page."),
    ),
)


def of_bytes(start: bytes) -> Other | None:
    """What a file is that begins with `start`; None where it may be text, or a zip or gzip archive."""
    if start[_TAR : _TAR + 5] == b"ustar":
        return Other("a tar archive", _UNPACK)
    found = next((other for magic, other in _BYTES if start.startswith(magic)), None)
    if found is None and start.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        return of_zip(_names(start), start) or Other("an archive in an archive", _UNPACK)
    return found


def of_zip(names: Sequence[str], start: bytes) -> Other | None:
    """What a zip archive is that begins with `start` and holds these files; None where it is but an archive."""
    if start[30:38] == b"mimetype":
        return next((other for kind, other in _OPEN_DOCUMENTS if start[38:].startswith(kind)), None)
    if not names or not names[0].startswith(_OF_DOCUMENTS):
        return None
    return next((other for begun, other in _ZIPPED if any(name.startswith(begun) for name in names)), None)


def of_text(start: str, name: str) -> Other | None:
    """What a text is that begins with `start` in a file of that name; None where it may be JSON, or is not known."""
    if name.lower().endswith((".yaml", ".yml")) and not start.startswith(("[", "{")):
        return _YAML
    return next((other for pattern, other in _TEXTS if pattern.match(start)), None)


def _names(start: bytes) -> list[str]:
    """The names of the files at the beginning of a zip archive."""
    headers = (each.start() for each in re.finditer(rb"PK\x03\x04", start))
    return [
        start[place + 30 : place + 30 + int.from_bytes(start[place + 26 : place + 28], "little")].decode(
            "ascii", "replace"
        )
        for place in headers
    ]
