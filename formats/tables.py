"""Tables: CSV and TSV of any encoding, Parquet and Arrow. A row becomes an object of its columns."""

from __future__ import annotations

import csv
import datetime
import decimal
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
from charset_normalizer import from_bytes

from formats.archives import Stream
from formats.conversation import Origin
from formats.json_file import Item, file_problem
from formats.pairs import PROMPTS, REPLIES
from formats.problems import RowProblem, writable
from formats.turns import LISTS

# Signs of Western Windows that stand in ordinary text: quotation marks, dashes, currencies, fractions.
_MARKS = bytes([0x80, 0x82, 0x84, 0x85, 0x8B, *range(0x91, 0x98), 0x9B, *range(0xA1, 0xC0)]).decode("cp1252")
CELL = 10_000_000  # characters
_SAMPLE = 1 << 18  # bytes
_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
_KNOWN = frozenset((*PROMPTS, *REPLIES, *LISTS))
_PARQUET, _ARROW, _STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Table:
    """How a text is a table: its encoding, what parts its cells, and the names of its columns."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]


def is_office(path: Path) -> bool:
    """Whether a zip archive is a document of an office program."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


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
    suffix = PurePosixPath(name.lower()).suffix
    found = [(each, _rows(text, each)) for each in (",", "\t", ";", "|")]
    found = [(each, rows) for each, rows in found if rows and len(rows[0]) > 1]
    if suffix not in _SUFFIXES[:3]:  # a text may have commas too: only names that are known make it a table
        found = [(each, rows) for each, rows in found if _KNOWN & {cell.strip().lower() for cell in rows[0]}]
    if not found:
        return None
    delimiter, rows = max(found, key=lambda each: (_agreement(each[1]), len(each[1][0])))
    columns = tuple(cell.strip() for cell in rows[0])
    doubled = [column for column, count in Counter(columns).items() if count > 1]
    if doubled or "" in columns[:-1]:
        what = f"two columns are called {doubled[0][:60]!r}" if doubled and doubled[0] else "a column has no name"
        fix = "Give each column a name of its own, in the first row."
        return file_problem(name, "bad_table", f"{what}, so which is which is not certain.", fix)
    return Table(guessed, delimiter, columns)


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


def rows(stream: TextIO, table: Table, name: str) -> Iterator[Item]:
    """The rows of a CSV or TSV text, each as an object of its columns; empty cells are left empty."""
    csv.field_size_limit(CELL)
    reader = csv.reader(stream, delimiter=table.delimiter)
    number = -1  # the first row names the columns
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            number += 1
            code = "too_large" if "limit" in str(error) else "bad_table"
            problem = f"the row cannot be read: {error} (a cell may hold {CELL:,} characters)."
            yield RowProblem(Origin(name, number), None, None, code, problem, "Close its quotation marks.")
            continue
        if not cells:
            continue
        number += 1
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


def is_columnar(start: bytes) -> bool:
    """Whether a file that begins so is Parquet or Arrow."""
    return start.startswith((_PARQUET, _ARROW, _STREAM))


def columnar(file: Stream, start: bytes, name: str) -> Iterator[Item]:
    """The rows of a Parquet or Arrow file, a few at a time."""
    number = 0
    try:
        for batch in _batches(file, start):
            for row in _plain(batch):
                number += 1
                yield Origin(name, number), row
    except (pa.ArrowException, OSError, ValueError) as error:
        problem = f"it is damaged ({str(error).splitlines()[0][:200]}); what follows after row {number} was not read."
        yield file_problem(name, "bad_table", problem, "Export or download it again.")
        return
    if not number:
        yield file_problem(name, "no_records", "the table has no rows.", "Choose a table with at least one row.")


def _batches(file: Stream, start: bytes) -> Iterator[pa.RecordBatch]:
    if start.startswith(_PARQUET):
        yield from pq.ParquetFile(file).iter_batches(batch_size=500)
    elif start.startswith(_ARROW):
        opened = pa.ipc.open_file(file)
        yield from (opened.get_batch(place) for place in range(opened.num_record_batches))
    else:
        yield from pa.ipc.open_stream(file)


def _plain(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    for start in range(0, batch.num_rows, 500):
        rows = batch.slice(start, 500).to_pylist(maps_as_pydicts="lossy")
        yield from (_value(row) for row in rows) if _has_more(batch.schema) else rows


def _has_more(schema: pa.Schema) -> bool:
    """Whether there are values that JSON has no word for."""
    words = str(schema.types)
    return any(word in words for word in ("binary", "time", "date", "decimal", "duration", "month", "uuid", "map<"))


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _value(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_value(held) for held in value]
    if isinstance(value, bytes):
        return {"bytes": len(value)}  # no text: what it is for is told by the column's name
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)):
        return str(value)
    return value if isinstance(value, (str, int, float, type(None))) else str(value)
