"""What a column holds, by its values: text, ids, links, numbers, times, or yes and no."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from formats.order import moment, number
from formats.values import missing

Kind = Literal["text", "id", "link", "number", "time", "flag", ""]
_FLAGS = frozenset(("true", "false", "yes", "no", "y", "n", "t", "f", "ja", "nein", "0", "1", "0.0", "1.0"))
_WORD = re.compile(r"[^\W\d_]+|\d+")
_MONTHS = frozenset(
    (
        *("jan", "gen", "ene", "feb", "fev", "fév", "mar", "mär", "apr", "abr", "avr", "may", "mai", "mag", "jun"),
        *("jui", "giu", "jul", "lug", "aug", "ago", "aoû", "sep", "set", "oct", "okt", "out", "ott", "nov", "dec"),
        *("dez", "dic", "déc"),
    )
)
_OF_TIMES = frozenset(
    (
        *("mon", "tue", "wed", "thu", "fri", "sat", "sun", "monday", "tuesday", "wednesday", "thursday", "friday"),
        *("saturday", "sunday", "am", "pm", "h", "m", "s", "ms", "t", "z", "utc", "gmt", "at", "of", "st", "nd"),
        *("rd", "th", "uhr", "um", "de"),
    )
)
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
    """Whether a cell is a date or a time in whatever form: of numbers, names of months and what stands beside them."""
    if moment(cell) is not None or moment(cell, month_first=True) is not None or _CLOCK.fullmatch(cell):
        return True
    parts = _WORD.findall(cell.lower()) if len(cell) < 60 else []
    words = [part for part in parts if not part.isdigit()]
    months = [word for word in words if word[:3] in _MONTHS and len(word) <= 10]
    numbers = len(parts) - len(words)
    return numbers > (0 if months else 2) and all(word in _OF_TIMES or word in months for word in words)


def _is_id(word: str) -> bool:
    """Whether nobody says a word: one of digits beside letters or dashes, with an @, or of many hexadecimal digits."""
    mixed = any(map(str.isdigit, word)) and any(letter.isalpha() or letter in "-_" for letter in word)
    return mixed or "@" in word or (len(word) >= 16 and _HEX.issuperset(word.lower()))
