"""What is wrong with JSON: a file, a record that is broken, a key given twice, bytes that are no text."""

from __future__ import annotations

import json
from dataclasses import replace

from formats.conversation import Origin
from formats.json_limits import TooLarge
from formats.json_text import JsonText
from formats.problems import RowProblem, writable
from formats.repair import problem_in
from formats.values import given_twice
from formats.wrapped import objects

NO_CHATS = "no_chats"  # the code of a file that is passed over
BROKEN = (json.JSONDecodeError, RecursionError, TooLarge)  # what reading a value raises


def file_problem(name: str, code: str, problem: str, fix: str) -> RowProblem:
    """What is wrong with a whole file."""
    return RowProblem(Origin(name, 0), None, None, code, problem, fix)


def passed_over(name: str, held: str) -> RowProblem:
    """A file of an export that holds no chats but `held`: it is named, and no rejected record."""
    return file_problem(name, NO_CHATS, f"a file of the export beside its chats: {held}", "")


def is_text(raw: str) -> bool:
    """Whether `raw` can be written as UTF-8. Bytes that could not be read as such stand in it as half characters."""
    try:
        raw.encode()
    except UnicodeEncodeError:
        return False
    return True


def broken(
    source: JsonText, mark: str, origin: Origin, error: ValueError | RecursionError, in_list: bool
) -> RowProblem:
    """The problem of the value that `source` stands before; it then stands behind it, as far as that can be told."""
    cut = isinstance(error, json.JSONDecodeError) and source.breaks_off(error)
    code, why, fix = "too_deep", "it is nested too deeply to be a chat", "Flatten the record, or leave it out."
    if isinstance(error, json.JSONDecodeError):
        code, why = "bad_json", f"it is not valid JSON: {error.msg.lower()}"
        fix = "Mend the quotes, commas and brackets of this record (a JSON checker shows the place)."
    elif isinstance(error, TooLarge):
        code, why = "too_large", str(error)
        fix = "Write each record on a line of its own (JSON Lines), or the list of records as the first key."
    raw, goes_on, lines = source.pass_over(mark)
    if not goes_on and cut:
        code, why, fix = "truncated", "the file ends inside it", "Download or export the file again."
    elif not goes_on and (in_list or lines):
        code = "not_read"
        why += f"; reading stopped at record {origin.record}: what follows it in the file was not read"
    return RowProblem(origin, None, None, code, f"{why}.", fix, writable(raw))


def out_of_place(source: JsonText, why: str) -> json.JSONDecodeError:
    """The error that something else stands before `source` than has to come there."""
    return json.JSONDecodeError(why, source.start() + " ", 0 if source.skip("") else 1 << 62)


def too_late(name: str, key: str) -> RowProblem:
    """The problem of a system message or tools that stand behind the rows that they are for."""
    problem = f"its {key} stands after a long list of records, which were read without it by then."
    return file_problem(name, "too_late", problem, f"Put {key} before the list of records, or into each record.")


def too_broken(name: str, number: int) -> RowProblem:
    """The problem of a text that would have to be read over and over, from each of its broken records on."""
    problem = f"so many records in it never end that what follows record {number} was not read."
    return file_problem(name, "not_read", problem, "Close the brackets and quotation marks of each record.")


def gives_twice(
    origin: Origin, repeated: list[tuple[dict[str, object], str]], row: object, raw: str | None = None
) -> RowProblem | None:
    """The problem of a row that gives a key twice, itself or inside; None where it is another row that does. `raw` is
    its text, where that is known."""
    inside = {id(each) for each in objects(row)}
    keys = [key for holder, key in repeated if id(holder) in inside]
    if not keys:
        return None
    problem = given_twice(keys)
    found = problem_in(origin, None, None, "duplicate_key", problem.problem, problem.fix, row)
    return found if raw is None else replace(found, record=writable(raw))


def not_utf8(origin: Origin, row: object) -> RowProblem | None:
    problem, fix = "it holds bytes that are not valid UTF-8 text.", "Save the file as UTF-8 and upload it again."
    try:
        text = json.dumps(row, ensure_ascii=False)
    except RecursionError:
        text = ""
    return None if text and is_text(text) else RowProblem(origin, None, None, "encoding", problem, fix, writable(text))
