"""Objects that only wrap rows: {"data": [...]}, {"train": [...], "test": [...]}, {"0": {...}, "1": {...}}."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from formats.detect import format_of
from formats.turns import LISTS, ROLE_KEYS, SYSTEM_KEYS, TEXT_KEYS, TOOL_KEYS

ROW_KEYS = ("data", "rows", "conversations", "train", "examples", "items", "records", "samples", "dataset", "chats")
_LISTS, _ROLES, _TEXTS = frozenset(LISTS), frozenset(ROLE_KEYS), frozenset(TEXT_KEYS)
# (which part of the wrapper the row stands in, "" for the only one; the row)
Row = tuple[str, object]


def is_turn(value: object) -> bool:
    """Whether `value` is a turn of a chat, and no chat itself."""
    return (
        isinstance(value, dict)
        and not _ROLES.isdisjoint(value)
        and not _TEXTS.isdisjoint(value)
        and _LISTS.isdisjoint(value)
    )


def rows_inside(record: object) -> list[Row] | None:
    """The rows of an object that only wraps them, else None. A system message or tools beside them are of each row."""
    if not isinstance(record, dict):
        return None
    for key, value in record.items():  # as most records are: a chat under its usual name, or columns of text
        if key in _LISTS and isinstance(value, list) and value and is_turn(value[0]):
            return None
    lists = {key: value for key, value in record.items() if isinstance(value, list)}
    if not lists:
        return _by_name(record)
    beside = {key: value for key, value in record.items() if key not in lists}
    # A chat of its own has a list too: of turns, or of examples beside what is asked and answered.
    if format_of(beside)[0] or not all(_holds_rows(rows) for rows in lists.values()):
        return None
    if len(lists) > 1 and beside:
        return None
    if len(lists) == 1 and next(iter(lists)) not in ROW_KEYS:
        return None
    shared = {key: beside[key] for key in (*SYSTEM_KEYS, *TOOL_KEYS) if beside.get(key)}
    return [("" if len(lists) == 1 else str(part), _with(row, shared)) for part, rows in lists.items() for row in rows]


def _holds_rows(rows: list[Any]) -> bool:
    first = next((row for row in rows if isinstance(row, dict)), {})
    return bool(first) and not is_turn(first)


def _with(row: object, shared: dict[str, Any]) -> object:
    return {**shared, **row} if shared and isinstance(row, dict) else row


def _by_name(record: dict[str, Any]) -> list[Row] | None:
    """The values of an object whose keys only name or number its records."""
    values = list(record.values())
    if (
        not values
        or not isinstance(values[0], dict)
        or format_of(record)[0]
        or not all(isinstance(value, dict) for value in values)
    ):
        return None
    return [("", value) for value in values] if all(format_of(value)[0] for value in values) else None


def objects(value: object) -> Iterator[dict[str, Any]]:
    """All objects in `value`, itself among them."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
