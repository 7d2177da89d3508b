"""In which order messages were written: by their numbers and times, as far as these can be read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from formats.keys import plain_name
from formats.values import bare, missing

# Names of keys, as `plain_name` gives them.
NUMBERS = (
    *("messageindex", "messageidx", "messagenumber", "messageno", "messageorder", "turnindex", "turnidx", "turnnumber"),
    *("turnno", "turnid", "turn", "sequencenumber", "sequence", "seq", "position", "index", "idx", "order", "step"),
)
_TIMES = (
    *("timestamp", "createdat", "createdtime", "createdate", "createddate", "createtime", "created", "sentat", "sent"),
    *("senddate", "sendtime", "datetime", "time", "date", "ts"),
)
_MOMENT = re.compile(
    r"(\d{1,4})([-./])(\d{1,2})[-./](\d{1,4})"
    r"(?:(?:T|,? )(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?([AaPp])?\.?[Mm]?\.? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?)?"
)
Place = tuple[float, ...]


def is_order_name(key: str) -> bool:
    """Whether a column of that name tells when a message was written, or its number."""
    return plain_name(key) in (*NUMBERS, *_TIMES)


def sort_values(values: Sequence[object]) -> list[float] | None:
    """The values of a column as numbers to sort by, where all of them are numbers or times; else None."""
    return _numbers(values, True)


def places(messages: Sequence[Mapping[str, Any]]) -> tuple[list[Place], str]:
    """What to sort the messages by, one place for each, and "": their numbers, then their times. All are equal where
    they have neither. The text is the key of times that cannot be read, where there is nothing else to sort by."""
    keys = {plain_name(key): key for message in messages for key in message}
    columns, unread = [], ""
    for name in (*NUMBERS, *_TIMES):
        held = [bare(message.get(keys[name])) for message in messages] if name in keys else []
        if all(map(missing, held)):
            continue
        numbers = _numbers(held, name in _TIMES)
        if numbers:
            columns.append(numbers)
        elif name in _TIMES:
            unread = unread or str(keys[name])
    if not columns:
        return [()] * len(messages), unread
    return list(zip(*columns, strict=True)), ""


def _numbers(values: Sequence[object], are_times: bool) -> list[float] | None:
    """The values as numbers; None where one is none, or where they might be ordered in two ways (3/4/2024)."""
    ways = [[_number(value, are_times, month_first) for value in values] for month_first in (False, True)]
    read = [[number for number in way if number is not None] for way in ways]
    read = [way for way in read if len(way) == len(values)]
    if not read:
        return None
    orders = [sorted(range(len(way)), key=way.__getitem__) for way in read]
    return read[0] if all(order == orders[0] for order in orders) else None


def _number(value: object, is_time: bool, month_first: bool) -> float | None:
    read = number(value)
    return moment(value, month_first) if read is None and is_time and isinstance(value, str) else read


def number(value: object) -> float | None:
    """A number, also one that a table writes as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or (type(value) is str and len(value) > 60):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def moment(text: str, month_first: bool = False) -> float | None:
    """The seconds since 1970 of a date, or a date and a time, in the ways that files write them; None where it is
    none. "3/4/2024" is the third of April, unless the month is said to come first."""
    match = _MOMENT.fullmatch(text.strip()) if len(text) < 60 else None
    if match is None:
        return None
    first, mark, second, third = match[1], match[2], int(match[3]), match[4]
    if len(first) == 4:
        year, month, day = int(first), second, int(third)
    else:
        year = int(third) + (2000 if len(third) == 2 else 0)
        month, day = (int(first), second) if month_first and mark == "/" else (second, int(first))
    hour = int(match[5] or 0)
    if match[9]:
        hour = hour % 12 + (12 if match[9] in "Pp" else 0)
    zone = match[10] or "Z"
    offset = 0 if zone[0] not in "+-" else int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[-2:]))
    try:
        known = timezone(timedelta(minutes=offset))
        whole = datetime(year, month, day, hour, int(match[6] or 0), int(match[7] or 0), tzinfo=known)
        return whole.timestamp() + float("0." + (match[8] or "0"))
    except (ValueError, OverflowError):
        return None
