"""What a column holds, by its values: text, ids, links, numbers, times, or yes and no."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from formats.order import moment, number
from formats.values import missing

Kind = Literal["text", "id", "link", "number", "time", "flag", ""]
_FLAGS = frozenset(("true", "false", "yes", "no", "y", "n", "t", "f", "ja", "nein", "0", "1", "0.0", "1.0"))
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?( ?[AaPp][Mm])?")
_HEX = frozenset("0123456789abcdef-")


def kind_of(values: Sequence[object]) -> Kind:
    """What all of the values are that are not empty; "" where there are none, "text" where they differ."""
    cells = [str(value).strip() for value in values if not missing(value) and str(value).strip()]
    if not cells:
        return ""
    if all(cell.lower() in _FLAGS for cell in cells):
        return "flag"
    if all(number(cell) is not None for cell in cells):
        return "number"
    if all(map(_is_time, cells)):
        return "time"
    if any(len(cell) > 200 or len(cell.split(maxsplit=1)) > 1 for cell in cells):
        return "text"
    if all(cell.startswith(("http://", "https://")) for cell in cells):
        return "link"
    return "id" if all(map(_is_id, cells)) else "text"


def _is_time(cell: str) -> bool:
    return any(moment(cell, month_first) is not None for month_first in (False, True)) or bool(_CLOCK.fullmatch(cell))


def _is_id(word: str) -> bool:
    """Whether a word is one that nobody says: with a digit or an @ in it, or a long one of hexadecimal digits."""
    return "@" in word or any(map(str.isdigit, word)) or (len(word) >= 16 and _HEX.issuperset(word.lower()))
