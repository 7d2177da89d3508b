"""A part of a text that a person reads, cut between words, with "…" where something was left out."""

from __future__ import annotations

from collections.abc import Sequence

_BESIDE = 40  # characters on each side of what was found
_WHOLE, _HEAD, _TAIL = 160, 100, 50  # characters
_WORD = 20  # characters: what is longer, or is written without spaces, is cut within
Spans = Sequence[tuple[int, int]]  # from a place in the text to before another


def around(text: str, start: int, end: int | None = None, whole: Spans = ()) -> str:
    """The text from a few words before `start` to a few after `end`; to its own end where that is not given.

    Of `whole` nothing is cut in two: what is masked afterwards would not be known any more.
    """
    first = _before(_next_word(text, max(0, start - _BESIDE), start), whole)
    last = len(text) if end is None else _behind(_word_before(text, min(len(text), end + _BESIDE), end), whole)
    return ("… " if first else "") + text[first:last] + (" …" if last < len(text) else "")


def shortened(text: str, whole: Spans = ()) -> str:
    """The text, or its beginning and its end where it is long; `whole` as `around` takes it."""
    if len(text) <= _WHOLE:
        return text
    head = _behind(_word_before(text, _HEAD, 0), whole)
    tail = _before(_next_word(text, len(text) - _TAIL, len(text)), whole)
    return f"{text[:head]} … {text[tail:]}" if head < tail else text


def _before(place: int, whole: Spans) -> int:
    """The place, or where that begins of `whole` which it lies in."""
    return next((start for start, end in whole if start < place < end), place)


def _behind(place: int, whole: Spans) -> int:
    """The place, or where that ends of `whole` which it lies in."""
    return next((end for start, end in whole if start < place < end), place)


def _next_word(text: str, first: int, latest: int) -> int:
    """Where the first whole word from `first` on begins; `first` where none does soon, and before `latest`."""
    space = text.find(" ", first - 1, min(first + _WORD, latest)) if first else -1
    return space + 1 if space >= 0 else first


def _word_before(text: str, last: int, earliest: int) -> int:
    """Where the last whole word up to `last` ends; `last` where none does shortly before, and after `earliest`."""
    space = text.rfind(" ", max(earliest, last - _WORD), last + 1) if last < len(text) else -1
    return space if space > earliest else last
