"""What the flags of a turn say of it: that it failed, or that it is not to be learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from formats.values import flag

# True: what stands in the turn was taken back, went wrong, or was broken off.
_FAILED = frozenset(
    ("deleted", "is_deleted", "isDeleted", "error", "is_error", "isError", "failed", "unfinished", "is_unfinished")
)
# Which value of a flag keeps the turn as context only, beside those of `formats.values.is_trained`.
_CONTEXT = {"mask": True, "masked": True, "training": False}
_ALL = frozenset((*_FAILED, *_CONTEXT))


def has_failed(turn: Mapping[str, Any]) -> bool:
    """Whether the file says that the turn was deleted, or failed, or was never finished."""
    return any(_is(turn.get(key), True) for key in _FAILED.intersection(turn))


def is_context(turn: Mapping[str, Any]) -> bool:
    """Whether the file says that nothing is to be learned from the turn."""
    return any(_is(turn.get(key), value) for key, value in _CONTEXT.items())


def is_flag(key: str, value: object) -> bool:
    """Whether that key of a turn is one of these flags."""
    return key in _ALL and flag(value) is not None


def _is(value: object, wanted: bool) -> bool:
    return flag(value) is wanted
