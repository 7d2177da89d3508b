"""Rows that are one message each, or one prompt and its reply -> a record for each conversation. Memory holds those of
some conversations only."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from formats.branches import links_of
from formats.columns import MESSAGES, has_column, no_column, within
from formats.columns import exchange as columns_exchange
from formats.conversation import Message, Origin
from formats.detect import LOOKED_AT, described, reading_of
from formats.exchanges import as_record, exchange_key, has_history
from formats.message_rows import conversation_key, role_of
from formats.order import places
from formats.pairs import exchange as pairs_exchange
from formats.part import Part
from formats.problems import RowProblem
from formats.reading import Reading
from formats.repair import as_json, problem_in
from formats.values import Unusable, id_text, plain_keys

_OF_PAIRS = ("alpaca", "pairs")
_GROUPED = ("auto", "sharegpt", "messages", *_OF_PAIRS)  # formats whose records may also stand in rows
HELD = 64 << 20  # bytes of rows that wait for others of their conversations
Item = tuple[Origin, object] | RowProblem


@dataclass(slots=True)
class Group:
    """A conversation that stood in several rows: these, its record, the repairs that made it, why it cannot be used,
    and whether its rows are a prompt with its reply each."""

    rows: list[dict[str, Any]]
    record: dict[str, Any]
    repairs: tuple[str, ...]
    problem: Unusable | None = None
    of_exchanges: bool = False


@dataclass(slots=True)
class _Rows:
    origin: Origin
    id: object
    rows: list[dict[str, Any]] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    size: int = 0
    is_whole: bool = True


def grouped(items: Iterator[Item], reading: Reading, part: Part | None) -> Iterator[Item]:
    """The items of one file; where its first rows are one message each, or one prompt and its reply, those of a
    conversation become one Group.

    The columns of `reading`, where given, say which column tells the conversation; without, it is found. A file of such
    rows is read in one `part`: the rows of a conversation may stand anywhere in it.
    """
    first = list(islice(items, LOOKED_AT))
    rows = [item[1] for item in first if not isinstance(item, RowProblem)]
    reading = reading_of(described(rows, reading), reading) if reading.columns else reading
    columns = reading.columns
    if not (columns.conversation if columns else reading.format in _GROUPED):
        return chain(first, items)
    key = columns.conversation if columns else "" if reading.format in _OF_PAIRS else conversation_key(rows)
    of_exchanges = columns.is_pair if columns else False
    is_later = part is not None and part.start is not None
    if not columns and not key and reading.format in ("auto", *_OF_PAIRS) and not is_later:
        key = exchange_key(rows)
        of_exchanges = True
    if not key or (of_exchanges and not reading.allows("rows_grouped")):
        return chain(first, items)
    if part:
        part.least = sys.maxsize
    return _Grouping(key, reading, of_exchanges).groups(chain(first, items))


def as_records(records: Sequence[object], reading: Reading) -> list[object]:
    """The first records of a file as they are read: where these are rows that are put together, a record for each
    conversation (the last of which may go on behind them)."""
    items: Iterator[Item] = ((Origin("", number), record) for number, record in enumerate(records, 1))
    made = [item[1] for item in grouped(items, reading, None) if not isinstance(item, RowProblem)]
    return [each.record if isinstance(each, Group) else each for each in made]


class _Grouping:
    def __init__(self, key: str, reading: Reading, of_exchanges: bool) -> None:
        self._key, self._columns, self._of_exchanges = key, reading.columns, of_exchanges
        self._off = reading.off
        self._open: dict[str, _Rows] = {}  # by the id of the conversation; that which was added to last comes last
        self._size = 0
        self._closed: set[int] = set()  # hashes of the ids of conversations that were given out

    def groups(self, items: Iterator[Item]) -> Iterator[Item]:
        last: _Rows | None = None
        lost = False  # the row before could not be read
        for item in items:
            row = None if isinstance(item, RowProblem) else item[1]
            told = within(row, self._key)
            id = id_text(told)
            if isinstance(item, RowProblem) or not isinstance(row, dict) or not id:
                if self._of_exchanges and isinstance(row, dict):  # it belongs to no conversation
                    yield item
                    continue
                if last:
                    last.is_whole = False  # the row may be one of its messages
                lost = True
                yield item
                continue
            id = f"{item[0].file} {id}"
            if hash(id) in self._closed:
                yield item if self._of_exchanges else self._scattered(item[0], row)
                continue
            last = self._open.pop(id, None) or _Rows(item[0], told)
            self._open[id] = last
            last.rows.append(row)
            last.origins.append(item[0])
            last.is_whole, lost = last.is_whole and not lost, False
            size = _size(row)
            last.size += size
            self._size += size
            if self._size > HELD:
                yield from self._close(HELD // 2)
        yield from self._close(0)

    def _close(self, left: int) -> Iterator[Item]:
        """Give out conversations, those that were added to longest ago first, until no more than `left` bytes wait."""
        waiting = list(self._open) if left else sorted(self._open, key=lambda id: self._open[id].origin.record)
        for id in waiting:
            if left and self._size <= left:
                return
            rows = self._open.pop(id)
            self._size -= rows.size
            self._closed.add(hash(id))
            if self._of_exchanges:
                yield from self._exchanges(rows)
            else:
                yield rows.origin, self._group(rows)

    def _exchanges(self, held: _Rows) -> Iterator[Item]:
        """The conversation of these rows; the rows as they stand in the file where there is one, or where it is not
        certain that they are one, and in which order: each is a chat of its own."""
        known, unread = self._places(held.rows)
        order = sorted(range(len(held.rows)), key=known.__getitem__)
        rows = [held.rows[place] for place in order]
        sure = len(rows) > 1 and held.is_whole and not unread and not any(map(has_history, rows))
        made = as_record(rows, [known[place] for place in order], self._read) if sure else None
        if made is None:
            yield from zip(held.origins, held.rows, strict=True)
            return
        record, needed = made
        repairs = ["rows_grouped", *(["turns_sorted"] if order != sorted(order) else []), *needed]
        yield held.origin, Group(held.rows, {self._key: held.id, **record}, tuple(repairs), None, True)

    def _read(self, row: dict[str, Any], repairs: list[str]) -> tuple[list[Message], tuple[str, ...]]:
        if self._columns:
            return columns_exchange(row, self._columns, repairs, self._off)
        return pairs_exchange(row, repairs, self._off)

    def _group(self, held: _Rows) -> Group:
        rows, repairs, problem = held.rows, ["rows_grouped"], None
        if not held.is_whole:
            why = "a row beside its messages cannot be read, and may be one of them."
            problem = Unusable(None, "row_lost", why, "Mend that row in the file, and read it again.")
        elif (order_key := self._columns.order if self._columns else "") and not has_column(rows[0], order_key):
            problem = no_column(rows[0], order_key)
        elif not links_of(rows):
            known, unread = self._places(rows)
            order = sorted(range(len(rows)), key=known.__getitem__)
            # Rows that begin with a question and end with a reply do so in no other order.
            if unread and (self._role(rows[0]), self._role(rows[-1])) != ("user", "assistant"):
                why = (
                    f"its {unread} is no time or number that can be read, so the order of its messages is not certain."
                )
                problem = Unusable(unread, "unsure_order", why, "Write times as 2024-01-31 10:00, or number the rows.")
            elif order != list(range(len(rows))):
                rows = [rows[place] for place in order]
                repairs.append("turns_sorted")
        rows = [{name: value for name, value in row.items() if name != self._key} for row in rows]
        if not self._columns:
            rows = [plain_keys(row) for row in rows]
        return Group(held.rows, {self._key: held.id, MESSAGES: rows}, tuple(repairs), problem)

    def _role(self, row: dict[str, Any]) -> str:
        known = self._columns.roles.get(str(row.get(self._columns.role)).strip()) if self._columns else None
        return known or role_of(row)

    def _places(self, rows: list[dict[str, Any]]) -> tuple[list[tuple[float, ...]], str]:
        if self._columns is None:
            return places(rows)
        if not self._columns.order:
            return [()] * len(rows), ""
        known, unread = places([{"time": within(row, self._columns.order)} for row in rows])
        return known, self._columns.order if unread else ""

    def _scattered(self, origin: Origin, row: dict[str, Any]) -> RowProblem:
        problem = (
            f"the other messages of its {self._key} stand too far before it in the file, and were read without it."
        )
        fix = f"Sort the rows by {self._key}, and read the file again."
        return problem_in(origin, None, self._key, "scattered_rows", problem, fix, row)


def _size(row: dict[str, Any]) -> int:
    """About how many bytes a row takes."""
    held = (value if isinstance(value, str) else as_json(value) for value in row.values())
    return 400 + sum(map(sys.getsizeof, held))
