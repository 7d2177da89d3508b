"""A file on disk -> raw records, one at a time: a JSON array, JSON Lines, or JSON objects one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from formats import text
from formats.conversation import Origin
from formats.problems import RowProblem

MAX_RECORD_CHARS = 50_000_000
_BLOCK = 1 << 18
_SPACE = " \t\r\n\ufeff"
_ROW_KEYS = ("data", "rows", "conversations", "train", "examples", "items")


def records(path: Path, name: str | None = None) -> Iterator[tuple[int, object] | RowProblem]:
    """(number from 1, raw record) for each record in the file, whatever its suffix says; memory stays flat.

    What cannot be read is a RowProblem in its place: with record 0 where it concerns the whole file. A line of JSON
    Lines that is broken costs that line alone. A file that holds one object with a list of rows in it ("data": [...])
    gives those rows.
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
    with path.open(encoding=text.encoding(start), errors="strict", newline="") as stream:
        try:
            yield from _read(stream, name)
        except UnicodeDecodeError as error:
            yield _file_problem(
                name,
                "encoding",
                f"it is not valid {error.encoding.upper()} text; what follows the bad place was not read.",
                "Save the file as UTF-8 and upload it again.",
            )


def _read(stream: TextIO, name: str) -> Iterator[tuple[int, object] | RowProblem]:
    first = stream.read(1)
    while first and first in _SPACE:
        first = stream.read(1)
    if not first:
        yield _file_problem(name, "empty", "the file is empty.", "Choose a file that holds at least one conversation.")
    elif first == "[":
        yield from _array(stream, name)
    elif first == "{":
        yield from _objects(stream, name)
    else:
        yield _file_problem(
            name,
            "not_json",
            f"it is not JSON: it begins with {first + stream.readline(60).rstrip()!r}.",
            "Upload a JSON array of records, or JSON Lines (one record a line).",
        )


def _array(stream: TextIO, name: str) -> Iterator[tuple[int, object] | RowProblem]:
    """The elements of an array whose opening bracket has been read."""
    decode = json.JSONDecoder(strict=False).raw_decode
    buffer, place, number, ended = "", 0, 0, False
    while True:
        place = _skip(buffer, place, _SPACE + ",")
        if place < len(buffer) and buffer[place] == "]":
            if number == 0:
                yield _file_problem(
                    name, "no_records", "the list in it is empty.", "Choose a file with at least one record."
                )
            return
        try:
            record, end = decode(buffer, place) if place < len(buffer) else (None, -1)
        except RecursionError:
            yield _too_deep(name, number + 1)
            return
        except json.JSONDecodeError as error:
            record, end = None, -1
            if ended or len(buffer) - place > MAX_RECORD_CHARS or len(buffer) - error.pos > 2 * _BLOCK:
                yield _broken(name, number + 1, error, buffer[place:])
                return
        # A number or word at the end of the buffer may go on in the next block.
        if end >= 0 and (end < len(buffer) or ended):
            number, place = number + 1, end
            yield number, record
            continue
        if ended:
            yield _file_problem(
                name,
                "truncated",
                f"the list ends without a closing ']' after record {number}.",
                "Download the file again.",
            )
            return
        # Ever larger blocks, so that one huge record is not decoded over and over.
        block = stream.read(max(_BLOCK, len(buffer) - place))
        ended = not block
        buffer, place = buffer[place:] + block, 0


def _objects(stream: TextIO, name: str) -> Iterator[tuple[int, object] | RowProblem]:
    """JSON Lines, or objects one after another, the first opening brace having been read."""
    number, spread = 0, [""]
    line = "{" + stream.readline()
    while line:
        # The first object may be spread over lines; it is whole at a line that begins with its closing brace. A line
        # that begins with an opening one and is whole says that this is JSON Lines, and what came before is broken.
        opens, closes = line.startswith("{"), line.startswith("}")
        if spread == [""] or opens or closes:
            whole = line if opens else "".join(spread) + line
            record, state = _decode_line(whole) if whole.strip(_SPACE) else (None, "blank")
            if opens and state == "ok" and spread not in ([""], []):
                number += 1
                yield _broken(name, number, None, "".join(spread))
            if state == "ok":
                rows = _rows_inside(record) if number == 0 else None
                if rows is not None and not stream.read(1):
                    yield from enumerate(rows, 1)
                    return
                number, spread = number + 1, []
                yield number, record
            elif state == "deep":
                number, spread = number + 1, []
                yield _too_deep(name, number)
            elif state == "broken" and spread == []:
                number += 1
                yield _broken(name, number, None, whole)
            elif state == "broken":
                spread.append(line)
        elif spread:
            spread.append(line)
        elif line.strip(_SPACE):
            number += 1
            yield _broken(name, number, None, line)
        line = stream.readline()
    if any(spread):
        yield from _spread("".join(spread), name, number)


def _spread(pending: str, name: str, number: int) -> Iterator[tuple[int, object] | RowProblem]:
    """What no line boundary ended: a broken first line with whole ones behind it, or objects side by side."""
    decode = json.JSONDecoder(strict=False).raw_decode
    place = _skip(pending, 0, _SPACE + ",")
    while place < len(pending):
        number += 1
        try:
            record, place = decode(pending, place)
            yield number, record
        except RecursionError:
            yield _too_deep(name, number)
            place = _next_line(pending, place)
        except json.JSONDecodeError as error:
            end = _next_line(pending, place)
            yield _broken(name, number, error, pending[place:end])
            place = end
        place = _skip(pending, place, _SPACE + ",")


def _decode_line(line: str) -> tuple[object, str]:
    try:
        return json.loads(line, strict=False), "ok"
    except RecursionError:
        return None, "deep"
    except json.JSONDecodeError:
        return None, "broken"


def _rows_inside(record: object) -> list[object] | None:
    """The rows of an object that only wraps a list of them, else None."""
    if not isinstance(record, dict) or len(record) > 3:
        return None
    for key in _ROW_KEYS:
        rows = record.get(key)
        # A single ShareGPT record also has a list under "conversations", but one of turns.
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            if key == "conversations" and not any(inner in rows[0] for inner in ("conversations", "messages")):
                return None
            return rows
    return None


def _skip(buffer: str, place: int, what: str) -> int:
    while place < len(buffer) and buffer[place] in what:
        place += 1
    return place


def _next_line(buffer: str, place: int) -> int:
    end = buffer.find("\n", place)
    return len(buffer) if end < 0 else end + 1


def _file_problem(name: str, code: str, problem: str, fix: str) -> RowProblem:
    return RowProblem(Origin(name, 0), None, None, code, problem, fix)


def _too_deep(name: str, number: int) -> RowProblem:
    problem = "it is nested too deeply to be a chat."
    return RowProblem(Origin(name, number), None, None, "too_deep", problem, "Flatten the record, or leave it out.")


def _broken(name: str, number: int, error: json.JSONDecodeError | None, raw: str) -> RowProblem:
    why = f": {error.msg.lower()}" if error else ""
    return RowProblem(
        Origin(name, number),
        None,
        None,
        "bad_json",
        f"it is not valid JSON{why}.",
        "Mend the quotes, commas and brackets of this record (a JSON checker shows the place).",
        raw[:20_000],
    )
