"""Bytes -> text: which encoding a file is in, and what a file is that is no text at all."""

from __future__ import annotations

import codecs

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a sound, video or WebP file"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a document of an office program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
)
# Byte order marks of encodings that write zero bytes; that of UTF-32 (LE) begins as that of UTF-16 (LE) does.
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def not_text(start: bytes) -> str:
    """What a file that begins with `start` is, "" where it may be text."""
    for magic, what in _MAGIC:
        if start.startswith(magic):
            return what
    if not start.startswith(_WIDE) and b"\x00" in start:
        odd, even = start[1::2].count(0), start[::2].count(0)
        if max(odd, even) < len(start) // 4 or not start.strip(b"\x00"):
            return "a binary file"
    return ""


def encoding(start: bytes) -> str:
    """The encoding of a text file that begins with `start`: by its byte order mark or its zero bytes, else UTF-8."""
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in start:
        return "utf-16-be" if start[::2].count(0) > start[1::2].count(0) else "utf-16-le"
    return "utf-8"
