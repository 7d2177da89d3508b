"""A part of a text that a person reads, cut between words, with "…" where something was left out."""

from __future__ import annotations

_BESIDE = 40  # characters on each side of what was found
_WHOLE, _HEAD, _TAIL = 160, 100, 50  # characters
_WORD = 20  # characters: what is longer, or is written without spaces, is cut within


def around(text: str, start: int, end: int | None = None) -> str:
    """The text from a few words before `start` to a few after `end`; to its own end where that is not given."""
    first = _next_word(text, max(0, start - _BESIDE), start)
    last = len(text) if end is None else _word_before(text, min(len(text), end + _BESIDE), end)
    return ("… " if first else "") + text[first:last] + (" …" if last < len(text) else "")


def shortened(text: str) -> str:
    """The text, or its beginning and its end where it is long."""
    if len(text) <= _WHOLE:
        return text
    head, tail = _word_before(text, _HEAD, 0), _next_word(text, len(text) - _TAIL, len(text))
    return f"{text[:head]} … {text[tail:]}"


def _next_word(text: str, first: int, latest: int) -> int:
    """Where the first whole word from `first` on begins; `first` where none does soon, and before `latest`."""
    space = text.find(" ", first - 1, min(first + _WORD, latest)) if first else -1
    return space + 1 if space >= 0 else first


def _word_before(text: str, last: int, earliest: int) -> int:
    """Where the last whole word up to `last` ends; `last` where none does shortly before, and after `earliest`."""
    space = text.rfind(" ", max(earliest, last - _WORD), last + 1) if last < len(text) else -1
    return space if space > earliest else last
