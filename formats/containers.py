"""A file on disk -> raw records, one at a time: a JSON array, JSON Lines, or JSON objects one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from formats import text
from formats.conversation import Origin
from formats.detect import format_of
from formats.json_text import JsonText
from formats.problems import RowProblem, writable

_SPACE = " \t\r\n\ufeff"
_ROW_KEYS = ("data", "rows", "conversations", "train", "examples", "items")
_TURN_KEYS = frozenset({"role", "from", "speaker"})


def records(path: Path, name: str | None = None) -> Iterator[tuple[Origin, object] | RowProblem]:
    """(where it stands, raw record) for each record in the file, whatever its suffix says; memory stays flat.

    What cannot be read is a RowProblem in its place: with record 0 where it concerns the whole file. A record that is
    broken costs that record alone where the next one begins a line of its own; else the problem says that reading
    stopped there. Lists and objects may follow one another, and an object that only holds a list of rows
    ("data": [...]) gives those rows.
    """
    name = name or path.name
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        yield _file_problem(name, "unreadable", f"it cannot be read: {error.strerror or error}.", "Upload it again.")
        return
    what = text.not_text(start)
    if what:
        fix = "Upload the chats as JSON or JSON Lines text."
        yield _file_problem(name, "not_text", f"it is {what}, not a text file of chats.", fix)
        return
    number = 0
    with path.open(encoding=text.encoding(start), errors="surrogateescape", newline="") as stream:
        try:
            for item in _read(JsonText(stream), name):
                number = (item.origin if isinstance(item, RowProblem) else item[0]).record
                yield item
        except UnicodeDecodeError as error:  # in UTF-16; bad bytes in UTF-8 cost the record that they are in
            problem = f"it is not valid {error.encoding.upper()} text; what follows after record {number} was not read."
            yield _file_problem(name, "encoding", problem, "Save the file as UTF-8 and upload it again.")


def _read(source: JsonText, name: str) -> Iterator[tuple[Origin, object] | RowProblem]:
    first = source.skip(_SPACE)
    if not first:
        yield _file_problem(name, "empty", "the file is empty.", "Choose a file that holds at least one conversation.")
        return
    if first not in "[{":
        problem = f"it is not JSON: it begins with {source.start()!r}."
        fix = "Upload a JSON array of records, or JSON Lines (one record a line)."
        yield _file_problem(name, "not_json", problem, fix)
        return
    number, in_list, mark = 0, False, ""
    while following := source.skip(_SPACE + ","):
        if following == ("]" if in_list else "["):
            in_list = not in_list
            source.step()
            continue
        mark = mark or source.indentation() + "{"
        try:
            record, raw = source.value()
        except (json.JSONDecodeError, RecursionError) as error:
            number += 1
            broken = _broken(source, mark, Origin(name, number), error, in_list)
            yield broken
            if broken.code in ("truncated", "not_read"):
                return
            continue
        if source.repeated:
            number += 1
            yield _repeated(Origin(name, number), source.repeated, raw)
            continue
        damaged = not _is_text(raw)  # then so are some of its rows, or all of it
        rows = None if in_list else _rows_inside(record)
        for row in [record] if rows is None else rows:
            number += 1
            spoilt = _not_utf8(Origin(name, number), row) if damaged else None
            yield spoilt or (Origin(name, number), row)
    if in_list:
        problem = f"the list ends without a closing ']' after record {number}."
        yield _file_problem(name, "truncated", problem, "Download the file again.")
    elif number == 0:
        yield _file_problem(name, "no_records", "the list in it is empty.", "Choose a file with at least one record.")


def _rows_inside(record: object) -> list[object] | None:
    """The rows of an object that only wraps a list of them, else None."""
    if not isinstance(record, dict):
        return None
    lists = [key for key, value in record.items() if isinstance(value, list)]
    if len(lists) != 1 or lists[0] not in _ROW_KEYS:
        return None
    rows: list[object] = record[lists[0]]
    first = next((row for row in rows if isinstance(row, dict)), {})
    beside = {key: value for key, value in record.items() if key != lists[0]}
    # A chat of its own has a list too: of turns, or of examples beside what is asked and answered.
    return rows if first and not _TURN_KEYS & first.keys() and not format_of(beside)[0] else None


def _is_text(raw: str) -> bool:
    """Whether `raw` can be written as UTF-8. Bytes that could not be read as such stand in it as half characters."""
    try:
        raw.encode()
    except UnicodeEncodeError:
        return False
    return True


def _file_problem(name: str, code: str, problem: str, fix: str) -> RowProblem:
    return RowProblem(Origin(name, 0), None, None, code, problem, fix)


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


def _repeated(origin: Origin, keys: list[str], raw: str) -> RowProblem:
    named = ", ".join(repr(key[:30]) for key in dict.fromkeys(keys))
    problem = f"it gives a key more than once, with different values: {named}."
    fix = "Keep the one that is meant: a JSON reader would take the last and drop the others."
    return RowProblem(origin, None, None, "duplicate_key", writable(problem), fix, writable(raw))


def _not_utf8(origin: Origin, row: object) -> RowProblem | None:
    problem, fix = "it holds bytes that are not valid UTF-8 text.", "Save the file as UTF-8 and upload it again."
    try:
        text = json.dumps(row, ensure_ascii=False)
    except RecursionError:
        text = ""
    return None if text and _is_text(text) else RowProblem(origin, None, None, "encoding", problem, fix, writable(text))
