"""Objects that only wrap rows: {"data": [...]}, {"train": [...], "test": [...]}, {"0": {...}, "1": {...}}."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from formats.detect import format_of, given
from formats.pairs import PROMPTS, REPLIES
from formats.shapes import OF_A_CHAT, pair_keys
from formats.turns import LISTS, ROLE_KEYS, SYSTEM_KEYS, TEXT_KEYS, TOOL_KEYS

ROW_KEYS = ("data", "rows", "conversations", "train", "examples", "items", "records", "samples", "dataset", "chats")
_LISTS, _ROLES, _TEXTS = frozenset(LISTS), frozenset(ROLE_KEYS), frozenset(TEXT_KEYS)
_PROMPTS, _REPLIES = frozenset(PROMPTS), frozenset(REPLIES)
_OF_PAIRS = tuple(key for key in ROW_KEYS if key not in OF_A_CHAT)
Place = Literal["file", "line", "list"]
# (which part of the wrapper the row stands in, "" for the only one; the row)
Row = tuple[str, object]


def is_turn(value: object) -> bool:
    """Whether `value` is a turn of a chat, and no chat itself."""
    return (
        isinstance(value, dict)
        and not _ROLES.isdisjoint(value)
        and not _TEXTS.isdisjoint(value)
        and _LISTS.isdisjoint(value)
        and (_PROMPTS.isdisjoint(value) or _REPLIES.isdisjoint(value))
    )


def rows_inside(record: object, place: Place) -> list[Row] | None:
    """The rows of an object that only wraps them, else None. A system message or tools beside them are of each row; so
    is all else beside them, where the object is one of several and so does not tell of the file.

    `place`: it is all that the file holds, stands on a line as others do, or in a list of records. The records of a
    list are rows themselves, but for such as gather prompts with their replies, by their topic say.
    """
    if not isinstance(record, dict):
        return None
    if place == "list" and not any(_holds_pairs(record.get(key)) for key in _OF_PAIRS):
        return None
    for key, value in record.items():  # as most records are: a chat under its usual name, or columns of text
        if key in _LISTS and isinstance(value, list) and value and is_turn(value[0]):
            return None
    lists = {key: value for key, value in record.items() if isinstance(value, list) and key not in TOOL_KEYS}
    if not lists:
        return _by_name(record)
    beside = {key: value for key, value in record.items() if key not in lists}
    # A chat of its own has a list too: of turns, or of examples beside what is asked and answered.
    if format_of({key: value for key, value in beside.items() if key not in TOOL_KEYS})[0]:
        return None
    full = {key: rows for key, rows in lists.items() if _holds_rows(rows)}
    if place != "file" and any(key in OF_A_CHAT and _holds_pairs(rows) for key, rows in full.items()):
        return None  # its turns, two and two
    if len(full) < sum(map(bool, lists.values())) and (len(full) > 1 or next(iter(full), "") not in ROW_KEYS):
        return None
    shared = {key: beside[key] for key in (*SYSTEM_KEYS, *TOOL_KEYS) if given(beside.get(key))}
    if len(full) > 1 and len(beside) > len(shared):
        return None
    if not full or (len(lists) == 1 and next(iter(full)) not in ROW_KEYS):
        return None
    told = beside if place != "file" and len(full) == 1 else {}
    for rows in full.values():
        for number, row in enumerate(rows):
            rows[number] = _with(row, shared)
            if told and isinstance(row, dict):
                row.update((key, value) for key, value in told.items() if key not in row and key not in shared)
    return [("" if len(full) == 1 else str(part), row) for part, rows in full.items() for row in rows]


def _holds_rows(rows: list[Any]) -> bool:
    """Whether a list in a wrapper holds records: objects, or lists of turns."""
    first = next((row for row in rows if isinstance(row, (dict, list))), None)
    return bool(first) and (is_turn(first[0]) if isinstance(first, list) else not is_turn(first))


def _holds_pairs(rows: object) -> bool:
    """Whether that is a list of prompts with their replies."""
    return isinstance(rows, list) and bool(rows) and pair_keys(rows[0]) is not None


def _with(row: object, shared: dict[str, Any]) -> object:
    """The row with what is shared, where it has not its own; the same object, which others may know it by."""
    if not shared:
        return row
    if isinstance(row, list):
        return {**shared, "conversations": row}
    if isinstance(row, dict):
        for keys in (SYSTEM_KEYS, TOOL_KEYS):
            if not any(given(row.get(key)) for key in keys):
                row.update((key, shared[key]) for key in keys if key in shared)
    return row


def _by_name(record: dict[str, Any]) -> list[Row] | None:
    """The values of an object whose keys only name or number its records: more than half of them are chats."""
    values = list(record.values())
    if not values or not isinstance(values[0], dict) or format_of(record)[0]:
        return None
    chats = sum(bool(format_of(value)[0]) for value in values if isinstance(value, dict))
    return [("", value) for value in values] if chats * 2 > len(values) else None


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
