"""Bytes -> text: which encoding a file is in, and whether it is no text at all."""

from __future__ import annotations

import codecs

# Byte order marks of encodings that write zero bytes; that of UTF-32 (LE) begins as that of UTF-16 (LE) does.
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_binary(start: bytes) -> bool:
    """Whether a file that begins with `start` is no text in any encoding."""
    if start.startswith(_WIDE) or b"\x00" not in start:
        return False
    odd, even = start[1::2].count(0), start[::2].count(0)
    return max(odd, even) < len(start) // 4 or not start.strip(b"\x00")


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
