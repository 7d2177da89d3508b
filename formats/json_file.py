"""JSON records of a text, one at a time: of a list, JSON Lines, objects in a row, or an object that wraps them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TextIO

from formats.conversation import Origin
from formats.json_text import JsonText
from formats.problems import RowProblem, writable
from formats.turns import ROLE_KEYS, TEXT_KEYS
from formats.wrapped import ROW_KEYS, Row, is_turn, objects, rows_inside

_SPACE = " \t\r\n\ufeff"


Item = tuple[Origin, object] | RowProblem
_WRAPPER = re.compile(r'\{\s*"(\w+)"\s*:\s*\[\s*\{\s*"(\w+)"')


def file_problem(name: str, code: str, problem: str, fix: str) -> RowProblem:
    """What is wrong with a whole file."""
    return RowProblem(Origin(name, 0), None, None, code, problem, fix)


def read_json(stream: TextIO, name: str) -> Iterator[Item]:
    """(where it stands, raw record) for each record of a text that is JSON, or what is wrong in its place."""
    source = JsonText(stream)
    first = source.skip(_SPACE)
    if not first:
        yield file_problem(name, "empty", "the file is empty.", "Choose a file that holds at least one conversation.")
        return
    if first not in "[{":
        problem = f"it is not JSON: it begins with {source.start()!r}."
        fix = "Upload a JSON array of records, JSON Lines (one record a line), or a table with names of columns."
        yield file_problem(name, "not_json", problem, fix)
        return
    yield from _Reading(source, name).items()


class _Reading:
    """Where the reading of one text has come to."""

    def __init__(self, source: JsonText, name: str) -> None:
        self._source, self._name = source, name
        self._number = 0
        self._in_list = self._wrapped = False
        self._mark = ""
        self._first = False  # of its list
        self._turns: list[object] | None = None  # of a bare list of turns, which is one record
        self._repeated: list[tuple[dict[str, object], str]] = []  # in these turns

    def items(self) -> Iterator[Item]:
        source = self._source
        while following := source.skip(_SPACE + ","):
            if following == "]" and self._in_list:
                source.step()
                yield from self._end_of_list()
            elif following == "[" and not self._in_list:
                source.step()
                self._in_list = self._first = True
            elif following == "{" and not self._number and not self._in_list and self._opens_rows():
                self._in_list = self._wrapped = True
            else:
                self._mark = self._mark or source.indentation() + "{"
                try:
                    record, raw = source.value()
                except (json.JSONDecodeError, RecursionError) as error:
                    self._number += 1
                    broken = _broken(source, self._mark, self._here(), error, self._in_list)
                    yield broken
                    if broken.code in ("truncated", "not_read"):
                        return
                    continue
                yield from self._rows(record, raw)
        if self._in_list:
            yield from self._end_of_turns()
            problem = f"the list ends without a closing ']' after record {self._number}."
            yield file_problem(self._name, "truncated", problem, "Download the file again.")
        elif self._number == 0:
            fix = "Choose a file with at least one record."
            yield file_problem(self._name, "no_records", "the list in it is empty.", fix)

    def _here(self) -> Origin:
        return Origin(self._name, self._number)

    def _opens_rows(self) -> bool:
        """Whether a large object begins here that only wraps a list of rows; then go to before the first of them."""
        found = self._source.match(_WRAPPER)
        if not found or found[1] not in ROW_KEYS or found[2] in (*ROLE_KEYS, *TEXT_KEYS) or not self._source.is_long():
            return False
        self._source.step(found.group().index("[") + 1)
        return True

    def _end_of_list(self) -> Iterator[Item]:
        yield from self._end_of_turns()
        self._in_list = False
        if self._wrapped:  # what else the wrapper says is no record
            self._wrapped = False
            while (following := self._source.skip(_SPACE + ",:")) and following != "}":
                self._source.value()
            self._source.step()

    def _end_of_turns(self) -> Iterator[Item]:
        if self._turns is not None:
            self._number += 1
            here, turns = self._here(), self._turns
            spoilt = _not_utf8(here, turns) or _repeated(here, self._repeated, turns)
            self._turns, self._repeated = None, []
            yield spoilt or (here, turns)

    def _rows(self, record: object, raw: str | None) -> Iterator[Item]:
        first, self._first = self._first, False
        repeated = self._source.repeated
        if self._in_list and (self._turns is not None or (first and is_turn(record))):
            self._turns = self._turns or []
            self._turns.append(record)
            self._repeated += repeated
            return
        rows: list[Row] | None = None if self._in_list else rows_inside(record)
        if any(holder is record for holder, _ in repeated):  # one of its lists is lost already
            rows = None
        damaged = raw is not None and not _is_text(raw)  # then so are some of its rows, or all of it
        counted: dict[str, int] = {}
        for part, row in [("", record)] if rows is None else rows:
            self._number += 1
            counted[part] = counted.get(part, 0) + 1
            here = Origin(f"{self._name}/{part}", counted[part]) if part else self._here()
            spoilt = _not_utf8(here, row) if damaged else None
            if repeated and not spoilt:
                spoilt = _repeated(here, repeated, row)
            yield spoilt or (here, row)


def _is_text(raw: str) -> bool:
    """Whether `raw` can be written as UTF-8. Bytes that could not be read as such stand in it as half characters."""
    try:
        raw.encode()
    except UnicodeEncodeError:
        return False
    return True


def _broken(
    source: JsonText, mark: str, origin: Origin, error: json.JSONDecodeError | RecursionError, in_list: bool
) -> RowProblem:
    """The problem of the value that `source` stands before; it then stands behind it, as far as that can be told."""
    too_deep = isinstance(error, RecursionError)
    cut = isinstance(error, json.JSONDecodeError) and source.breaks_off(error)
    why = "it is nested too deeply to be a chat" if too_deep else ""
    if isinstance(error, json.JSONDecodeError):
        why = f"it is not valid JSON: {error.msg.lower()}"
    fix = "Mend the quotes, commas and brackets of this record (a JSON checker shows the place)."
    if too_deep:
        fix = "Flatten the record, or leave it out."
    raw, goes_on, lines = source.pass_over(mark)
    code = "too_deep" if too_deep else "bad_json"
    if not goes_on and cut:
        code, why, fix = "truncated", "the file ends inside it", "Download or export the file again."
    elif not goes_on and (in_list or lines):
        code = "not_read"
        why += f"; reading stopped at record {origin.record}: what follows it in the file was not read"
    return RowProblem(origin, None, None, code, f"{why}.", fix, writable(raw))


def _repeated(origin: Origin, repeated: list[tuple[dict[str, object], str]], row: object) -> RowProblem | None:
    """The problem of a row that gives a key twice, itself or inside; None where it is another row that does."""
    inside = {id(each) for each in objects(row)}
    keys = [key for holder, key in repeated if id(holder) in inside]
    if not keys:
        return None
    named = ", ".join(repr(key[:30]) for key in dict.fromkeys(keys))
    problem = f"it gives a key more than once, with different values: {named}."
    fix = "Keep the one that is meant: a JSON reader would take the last and drop the others."
    return RowProblem(origin, None, None, "duplicate_key", writable(problem), fix, writable(json.dumps(row)))


def _not_utf8(origin: Origin, row: object) -> RowProblem | None:
    problem, fix = "it holds bytes that are not valid UTF-8 text.", "Save the file as UTF-8 and upload it again."
    try:
        text = json.dumps(row, ensure_ascii=False)
    except RecursionError:
        text = ""
    return None if text and _is_text(text) else RowProblem(origin, None, None, "encoding", problem, fix, writable(text))
