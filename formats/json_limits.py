"""How large one JSON value may be, and whether one is larger, told before it is decoded: then it is in memory whole."""

from __future__ import annotations

import re

LONGEST = 1 << 25  # characters of one value
MOST_PARTS = 1_000_000  # texts, brackets and commas in one value; each object of Python takes about 100 bytes
COUNTED_FROM = 1 << 20  # characters: a shorter value cannot take much
WASTED = 1 << 28  # characters that may be read again because what came before them was broken
_PART = re.compile(r'"[^"]*(?:"|$)|[\[{]|[\]}]|,')


class TooLarge(ValueError):
    """A value that is longer than LONGEST, or has more than MOST_PARTS; the message says which."""

    @classmethod
    def long(cls) -> TooLarge:
        return cls(f"it is longer than {LONGEST:,} characters, which is the limit for one record")

    @classmethod
    def many(cls) -> TooLarge:
        return cls(f"it holds more than {MOST_PARTS:,} values and marks, which is the limit for one record")


def has_too_many_parts(text: str, start: int) -> bool:
    """Whether the value that begins at `start` has too many parts, as far as `text` holds it."""
    depth = 0
    plain = text[start:].replace("\\\\", "").replace('\\"', "")
    for count, match in enumerate(_PART.finditer(plain)):
        mark = match[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        if depth <= 0:
            return False
        if count == MOST_PARTS:
            return True
    return False
