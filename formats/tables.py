"""Tables of text: CSV and TSV of any encoding. A row becomes an object of its columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TextIO

from charset_normalizer import from_bytes

from formats.archives import Stream
from formats.conversation import Origin
from formats.json_file import Item
from formats.json_limits import LONGEST
from formats.json_problems import file_problem
from formats.pairs import PROMPTS, REPLIES
from formats.problems import RowProblem, writable
from formats.turns import LISTS

# Signs of Western Windows that stand in ordinary text: quotation marks, dashes, currencies, fractions.
_MARKS = bytes([0x80, 0x82, 0x84, 0x85, 0x8B, *range(0x91, 0x98), 0x9B, *range(0xA1, 0xC0)]).decode("cp1252")
CELL = 10_000_000  # characters
_SAMPLE = 1 << 18  # bytes
_SUFFIXES = (".csv", ".tsv", ".tab")
_NAME = re.compile(r"\w[\w ./()-]{0,39}")  # how a name of a column looks in a text that may be no table
_DECLARED = re.compile(r'"?sep=([,;|\t])"?\r?\n', re.IGNORECASE)
_KNOWN = frozenset((*PROMPTS, *REPLIES, *LISTS))
_END = "\ue000the end of the table\ue000"  # put after the last line: a quotation mark that never closes takes it in


@dataclass(frozen=True, slots=True)
class Table:
    """How a text is a table: its encoding, what parts its cells, the names of its columns, and whether a line before
    these says what parts the cells ("sep=;", as Excel reads it)."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    is_declared: bool = False


def described(file: Stream, encoding: str, name: str) -> Table | RowProblem | None:
    """How the text in `file` is a table, or what is wrong with its columns; None where it is none."""
    sample = file.read(_SAMPLE)
    if encoding == "utf-8" and not _is_utf8(sample):
        guessed = _guessed(sample[:50_000])
        text = sample.decode(guessed, "replace")
    else:
        guessed = encoding
        text = sample.decode(encoding, "replace")
    text = text.lstrip("\ufeff")
    if not text.strip() or text.lstrip()[0] in "[{":
        return None
    declared = _DECLARED.match(text)
    text = text[declared.end() :] if declared else text
    is_table = declared is not None or PurePosixPath(name.lower()).suffix in _SUFFIXES
    found = [(each, _rows(text, each)) for each in ((declared[1],) if declared else (",", "\t", ";", "|"))]
    found = [(each, rows) for each, rows in found if rows and _names_columns(rows[0], is_table)]
    if not is_table:  # a text may have commas too: only names that are known make it a table
        usual = [(each, rows) for each, rows in found if _KNOWN & {cell.strip().lower() for cell in rows[0]}]
        if not usual and any(_seem_named(rows) for _, rows in found):
            named = ", ".join(repr(cell) for _, rows in found if _seem_named(rows) for cell in rows[0][:8])
            fix = "Let its name end in .csv, or .tsv where tabs part the columns, and say which column is which."
            return file_problem(name, "not_json", f"it seems to be a table, with the columns {named}.", fix)
        found = usual
    if not found:
        return None
    delimiter, rows = max(found, key=lambda each: (_agreement(each[1]), len(each[1][0])))
    columns = tuple(cell.strip() for cell in rows[0])
    doubled = [column for column, count in Counter(columns).items() if count > 1]
    if doubled or "" in columns[1:-1]:  # the first may have none: pandas writes its index so
        what = f"two columns are called {doubled[0][:60]!r}" if doubled and doubled[0] else "a column has no name"
        fix = "Give each column a name of its own, in the first row."
        return file_problem(name, "bad_table", f"{what}, so which is which is not certain.", fix)
    return Table(guessed, delimiter, columns, declared is not None)


def _names_columns(first: Sequence[str], is_table: bool) -> bool:
    """Whether the first row may name columns: several, or the one of a table that holds lists of turns."""
    return len(first) > 1 or (is_table and first[0].strip().lower() in LISTS)


def _seem_named(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row seems to name the columns of the others."""
    return len(rows) > 1 and _agreement(rows) == 1 and all(_NAME.fullmatch(cell) for cell in rows[0])


def _guessed(sample: bytes) -> str:
    """The encoding of bytes that are no UTF-8: that of Western Windows where it makes good words, else the likeliest.

    A few letters are too few for statistics: "Grüße" alone might be of many encodings, but only in one is it a word.
    """
    western = sample.decode("cp1252", "replace")
    letters = sum(map(str.isalpha, western))
    odd = [character for character in western if not character.isascii()]
    if all(each.isalpha() or each in _MARKS for each in odd) and len(odd) * 4 < letters:
        return "cp1252"
    best = from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def _is_utf8(sample: bytes) -> bool:
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(sample) - 4 and len(sample) == _SAMPLE  # cut in a character
    return True


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """The first rows of the text with that delimiter; not the last one, which the sample may cut."""
    csv.field_size_limit(CELL)
    rows = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > 30:
                break
    except csv.Error:
        return []
    return rows


def _agreement(rows: Sequence[Sequence[str]]) -> float:
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows)


class _RowTooLong(Exception):
    pass


class _Lines:
    """The lines of a text, and _END; `length` counts the characters since it was last set to 0.

    Raises:
        _RowTooLong: they are more than LONGEST.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._ended = stream, False
        self.length = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST + 1)
        self.length += len(line)
        if self.length > LONGEST:
            raise _RowTooLong
        if not line:
            if self._ended:
                raise StopIteration
            self._ended = True
            return _END
        return line


def rows(stream: TextIO, table: Table, name: str) -> Iterator[Item]:
    """The rows of a CSV or TSV text, each as an object of its columns; empty cells are left empty."""
    csv.field_size_limit(CELL)
    if table.is_declared:
        stream.readline(LONGEST)
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=table.delimiter)
    number = -1  # the first row names the columns
    while True:
        lines.length = 0
        try:
            cells = next(reader)
        except StopIteration:
            break
        except _RowTooLong:
            problem = f"it is longer than {LONGEST:,} characters, the limit for one row; what follows was not read."
            fix = "Close its quotation marks, and begin each row on a line of its own."
            yield RowProblem(Origin(name, number + 1), None, None, "too_large", problem, fix)
            return
        except csv.Error as error:
            number += 1
            code = "too_large" if "limit" in str(error) else "bad_table"
            problem = f"the row cannot be read: {error} (a cell may hold {CELL:,} characters)."
            yield RowProblem(Origin(name, number), None, None, code, problem, "Close its quotation marks.")
            continue
        if not cells or cells == [_END]:
            continue
        number += 1
        if cells[-1].endswith(_END):
            problem = f"it opens a quotation mark that never closes; what follows row {number} was not read."
            raw = writable(str(cells).replace(_END, ""))
            yield RowProblem(Origin(name, number), None, None, "not_read", problem, "Close its quotation marks.", raw)
            break
        if number == 0:
            continue
        here = Origin(name, number)
        if len(cells) != len(table.columns):
            problem = f"it has {len(cells)} cells, and there are {len(table.columns)} columns."
            fix = "Put cells that hold the delimiter or a line break in quotation marks."
            yield RowProblem(here, None, None, "ragged_row", problem, fix, writable(str(cells)))
        elif any("\udc80" <= character <= "\udcff" for cell in cells if not cell.isascii() for character in cell):
            problem, fix = "it holds bytes that are no valid text in this file's encoding.", "Save the file as UTF-8."
            yield RowProblem(here, None, None, "encoding", problem, fix, writable(str(cells)))
        else:
            yield here, dict(zip(table.columns, cells, strict=True))
    if number < 1:
        fix = "Choose a table with at least one row."
        yield file_problem(name, "no_records", "the table has no rows below the names of its columns.", fix)
