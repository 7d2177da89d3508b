"""JSON records of a text, one at a time: of a list, JSON Lines, objects in a row, or an object that wraps them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from formats.conversation import Origin
from formats.detect import LOOKED_AT
from formats.json_limits import WASTED
from formats.json_problems import (
    BROKEN,
    broken,
    file_problem,
    gives_twice,
    is_text,
    not_utf8,
    out_of_place,
    too_broken,
    too_late,
)
from formats.json_text import JsonText
from formats.message_rows import conversation_key, named_key, rows_of_several
from formats.other_files import of_text
from formats.part import Part, PartText, Place
from formats.problems import RowProblem, writable
from formats.turns import SYSTEM_KEYS, TOOL_KEYS
from formats.typical import Typical
from formats.values import missing
from formats.wrapped import ROW_KEYS, Row, is_turn, rows_inside

_SPACE = " \t\r\n\ufeff"


Item = tuple[Origin, object] | RowProblem
_WRAPPER = re.compile(r'\{\s*"(\w+)"\s*:\s*\[\s*(?=\{)')
_LIST_OF_ROWS = re.compile(r"\[\s*(?=\{)")


def read_json_part(file: BinaryIO, name: str, part: Part) -> Iterator[Item]:
    """As `read_json`, but the records of a part of a file in UTF-8 alone."""
    stream = PartText(file, part.start.offset if part.start else 0, part.until)
    if part.start is None:
        yield from read_json(stream, name, part)
    else:
        yield from _Reading(JsonText(stream), name, part).items()


def read_json(stream: TextIO | PartText, name: str, part: Part | None = None) -> Iterator[Item]:
    """(where it stands, raw record) for each record of a text that is JSON, or what is wrong in its place."""
    source = JsonText(stream)
    first = source.skip(_SPACE)
    if not first:
        yield file_problem(name, "empty", "the file is empty.", "Choose a file that holds at least one conversation.")
        return
    other = of_text(source.start(), name)
    if other:
        yield file_problem(name, "not_json", f"it is {other.what}.", other.fix)
        return
    if first not in "[{":
        problem = f"it is not JSON: it begins with {source.start()!r}."
        fix = (
            'Write each conversation on a line of its own, as {"messages": [{"role": "user", "content": ...}, ...]} '
            "(JSON Lines); or upload a JSON array of them, or a table with names of columns."
        )
        yield file_problem(name, "not_json", problem, fix)
        return
    yield from _Reading(source, name, part).items()


class _Reading:
    """Where the reading of one text has come to."""

    def __init__(self, source: JsonText, name: str, part: Part | None = None) -> None:
        self._source, self._name, self._part = source, name, part
        self._typical = Typical() if part and part.typical else None
        start = part.start if part else None
        self._begun = start is not None
        self._number = start.number if start else 0
        self._in_list, self._wrapped = (start.in_list, start.wrapped) if start else (False, False)
        self._mark = start.mark if start else ""
        self._first = False  # of its list
        self._is_empty = False  # this list, so far
        # Lists without anything in them that are not told yet: the only one is a file without records.
        self._empty = 0
        self._turns: list[object] | None = None  # of a bare list of turns, which is one record
        self._repeated: list[tuple[dict[str, object], str]] = []  # in these turns

    def items(self) -> Iterator[Item]:
        source = self._source
        while following := source.skip(_SPACE + ","):
            if self._part and self._stops(self._part):
                return
            if following == "]" and self._in_list:
                source.step()
                self._empty += self._is_empty
                yield from self._end_of_list()
                continue
            if not self._in_list:
                yield from self._empty_lists()
            self._is_empty = following == "[" and not self._in_list
            if self._is_empty:
                source.step()
                self._in_list = self._first = True
            elif following == "{" and not (self._begun or self._number or self._in_list) and self._opens_rows():
                self._in_list = self._wrapped = True
            else:
                if following == "{" and self._typical and (chat := self._chat(self._typical)):
                    yield chat
                    continue
                self._mark = self._mark or source.indentation() + "{"
                try:
                    record, raw = source.value()
                except BROKEN as error:
                    self._number += 1
                    spoilt = broken(source, self._mark, self._here(), error, self._in_list)
                    yield spoilt
                    if spoilt.code in ("truncated", "not_read"):
                        return
                    if source.wasted > WASTED:
                        yield too_broken(self._name, self._number)
                        return
                    continue
                yield from self._rows(record, raw)
        if self._in_list:
            yield from self._end_of_turns()
            problem = f"the list ends without a closing ']' after record {self._number}."
            yield file_problem(self._name, "truncated", problem, "Download the file again.")
        elif self._number or self._begun:
            yield from self._empty_lists()
        else:
            fix = "Choose a file with at least one record."
            yield file_problem(self._name, "no_records", "the list in it is empty.", fix)

    def _empty_lists(self) -> Iterator[Item]:
        for _ in range(self._empty):
            self._number += 1
            yield self._here(), []
        self._empty = 0

    def _stops(self, part: Part) -> bool:
        """Whether the part ends before the value that comes next; then say where."""
        if self._first or self._turns is not None or self._number < part.least:
            return False
        offset = self._source.offset_if_through()
        if offset is None:
            return False
        between = self._source.between
        part.stopped = Place(offset, self._number, self._in_list, self._wrapped, self._mark, between)
        return True

    def _chat(self, typical: Typical) -> Item | None:
        """The record that comes next, where it is a typical one, read already."""
        if self._turns is not None or self._first or not self._mark:
            return None
        found = self._source.chat(typical)
        if found is None:
            return None
        self._number += 1
        return self._here(), found

    def _here(self) -> Origin:
        return Origin(self._name, self._number)

    def _opens_rows(self) -> bool:
        """Whether a large object begins here that only wraps a list of rows; then go to before the first of them."""
        found = self._source.match(_WRAPPER)
        if not found or found[1] not in ROW_KEYS or not self._source.is_long():
            return False
        first = self._source.peek(len(found[0]))
        if not isinstance(first, dict) or (is_turn(first) and not named_key(first)):
            return False
        self._source.step(found.group().index("[") + 1)
        return True

    def _end_of_list(self) -> Iterator[Item]:
        yield from self._end_of_turns()
        self._in_list = False
        if self._wrapped:
            self._wrapped = False
            try:
                yield from self._rest_of_wrapper()
            except BROKEN as error:
                self._number += 1
                yield broken(self._source, self._mark, self._here(), error, in_list=True)

    def _rest_of_wrapper(self) -> Iterator[Item]:
        """Go on behind the rows of a large object that wraps them: to its next list of rows, or to its end.

        Raises:
            one of BROKEN: it is not written as an object is.
        """
        source = self._source
        while following := source.skip(_SPACE + ","):
            if following == "}":
                source.step()
                return
            key, _ = source.value()
            if not isinstance(key, str) or source.skip(_SPACE) != ":":
                raise out_of_place(source, "expecting a name and ':'")
            source.step()
            source.skip(_SPACE)
            opens = None if key in TOOL_KEYS else source.match(_LIST_OF_ROWS)
            if opens:
                source.step(len(opens[0]))
                self._in_list = self._wrapped = True
                return
            value, _ = source.value()
            if key in (*SYSTEM_KEYS, *TOOL_KEYS) and not missing(value) and value != []:
                yield too_late(self._name, key)
        cut = f"the object around the rows ends without a closing '}}' after record {self._number}."
        yield file_problem(self._name, "truncated", cut, "Download the file again.")

    def _end_of_turns(self) -> Iterator[Item]:
        """The bare list of turns that was read: one chat, or, where they name their conversations, a row for each."""
        if self._turns is None:
            return
        turns, repeated = self._turns, self._repeated
        self._turns, self._repeated = None, []
        for record in turns if conversation_key(turns) else [turns]:
            self._number += 1
            here = self._here()
            spoilt = not_utf8(here, record) or gives_twice(here, repeated, record)
            yield spoilt or (here, record)

    def _rows(self, record: object, raw: str | None) -> Iterator[Item]:
        first, self._first = self._first, False
        repeated = self._source.repeated
        if self._in_list and (self._turns is not None or (first and is_turn(record))):
            self._turns = self._turns or []
            self._turns.append(record)
            self._repeated += repeated
            if len(self._turns) == LOOKED_AT and conversation_key(self._turns):
                yield from self._end_of_turns()  # what follows are rows too
            return
        rows: list[Row] | None = None
        if self._in_list:
            rows = rows_inside(record, "list")
        else:
            alone = not self._number and not self._source.skip(_SPACE)
            rows = rows_inside(record, "file" if alone else "line")
            rows = rows or (None if self._number else rows_of_several(record))
        if any(holder is record for holder, _ in repeated):  # one of its lists is lost already
            rows = None
        damaged = raw is not None and not is_text(raw)  # then so are some of its rows, or all of it
        counted: dict[str, int] = {}
        for part, row in [("", record)] if rows is None else rows:
            self._number += 1
            counted[part] = counted.get(part, 0) + 1
            here = Origin(writable(f"{self._name}/{part}"), counted[part]) if part else self._here()
            spoilt = not_utf8(here, row) if damaged else None
            if repeated and not spoilt:
                spoilt = gives_twice(here, repeated, row, raw if rows is None else None)
            yield spoilt or (here, row)
