"""Parquet and Arrow: a row becomes an object of its columns."""

from __future__ import annotations

import datetime
import decimal
import re
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types

from formats import arrow_rows
from formats.archives import Stream
from formats.arrow_messages import unpacked_sizes
from formats.arrow_rows import ROWS, TOGETHER, batch_size, pieces, size, size_of_views
from formats.budget import Budget, Refused
from formats.conversation import Origin
from formats.json_file import Item
from formats.json_limits import LONGEST, MOST_PARTS, TooLarge
from formats.json_problems import file_problem
from formats.problems import RowProblem

_PARQUET, _ARROW, _STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
_TOGETHER = 16 << 20  # bytes of a Parquet file that are decoded at once, unless one row is more
_NAMED = 256 << 20  # bytes: where texts might take more, each is kept once
_BATCH_FREE, _BATCH_RATIO = 256 << 20, 20  # bytes, and times its packed size, that one batch of an Arrow file may take
_WIDTHS = {"INT64": 8, "DOUBLE": 8, "INT96": 12}  # bytes of a value; of the others 4
_PLAIN = {"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}
# Objects with keys of their own, row by row. Arrow gives each row the keys of all, with null for those it has not.
_OWN_KEYS = ("arguments", "parameters", "tools", "functions")
_MERGED = re.compile(rf"\b({'|'.join(_OWN_KEYS)}): (?:\w+<\w+: ){{0,8}}struct<")


def is_columnar(start: bytes) -> bool:
    """Whether a file that begins so is Parquet or Arrow."""
    return start.startswith((_PARQUET, _ARROW, _STREAM))


def rows(file: Stream, start: bytes, name: str, budget: Budget) -> Iterator[Item]:
    """The rows of a Parquet or Arrow file, a few at a time."""
    number = 0
    try:
        for batch in _batches(file, start, budget):
            doubled = [column for column, count in Counter(batch.schema.names).items() if count > 1]
            if doubled:
                problem = f"two columns are called {doubled[0][:60]!r}, so which is which is not certain."
                yield file_problem(name, "bad_table", problem, "Give each column a name of its own.")
                return
            for row in _plain(batch, budget):
                number += 1
                here = Origin(name, number)
                yield _too_large(here) if row is None else (here, row)
    except Refused as error:
        problem = f"{error} What follows after row {number} was not read."
        yield file_problem(name, "bad_table", problem, "Export it again as JSON Lines.")
        return
    except (pa.ArrowException, MemoryError, OSError, ValueError, struct.error) as error:
        why = (str(error).splitlines() or ["it asks for more memory than there is"])[0][:200]
        problem = f"it is damaged ({why}); what follows after row {number} was not read."
        yield file_problem(name, "bad_table", problem, "Export or download it again.")
        return
    except (OverflowError, KeyError) as error:
        problem = f"it holds a date or time that there is not ({error}); what follows after row {number} was not read."
        yield file_problem(
            name, "bad_table", problem, "Leave out the columns with dates and times, and export it again."
        )
        return
    if not number:
        yield file_problem(name, "no_records", "the table has no rows.", "Choose a table with at least one row.")


def _too_large(here: Origin) -> RowProblem:
    return RowProblem(here, None, None, "too_large", f"{TooLarge.long()}.", "Leave it out, or divide it.")


def _batches(file: Stream, start: bytes, budget: Budget) -> Iterator[pa.RecordBatch]:
    if start.startswith(_PARQUET):
        yield from _of_parquet(file, budget)
        return
    begin = 0
    if start.startswith(_ARROW):
        pa.ipc.open_file(file)  # whether it is whole; it holds a stream, and a list of its batches behind that
        begin = 8
    file.seek(begin)
    for packed, unpacked in unpacked_sizes(file):
        if unpacked > max(_BATCH_FREE, _BATCH_RATIO * packed):
            raise Refused(f"a batch of its rows unpacks to {unpacked / 2**20:,.0f} MB.", "")
    file.seek(begin)
    yield from pa.ipc.open_stream(file)


def _of_parquet(file: Stream, budget: Budget) -> Iterator[pa.RecordBatch]:
    """Batches in which a text that comes often stands once, each as large as its rows allow."""
    footer = pq.ParquetFile(file).metadata
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    chunks = [[group.column(number) for number in range(group.num_columns)] for group in groups]
    Budget(budget.packed).spend(sum(_unpacked(chunk) for columns in chunks for chunk in columns))
    texts = {chunk.path_in_schema for columns in chunks for chunk in columns if chunk.physical_type == "BYTE_ARRAY"}
    texts -= {chunk.path_in_schema for columns in chunks for chunk in columns if not _PLAIN.issuperset(chunk.encodings)}
    plain, named = (pq.ParquetFile(file, metadata=footer, read_dictionary=each) for each in (None, sorted(texts)))
    for number, (group, columns) in enumerate(zip(groups, chunks, strict=True)):
        row = 1 + sum(_unpacked(chunk) for chunk in columns) // max(1, group.num_rows)
        row += sum(_unpacked(chunk) for chunk in columns if not _PLAIN.issuperset(chunk.encodings))
        often = sum(_at_most(named, number, chunk) for chunk in columns if chunk.path_in_schema in texts)
        opened = named if often > _NAMED else plain
        count = min(ROWS, max(1, _TOGETHER // row))
        yield from opened.iter_batches(batch_size=count, row_groups=[number], use_threads=opened is plain)


def _at_most(named: pq.ParquetFile, group: int, chunk: pq.ColumnChunkMetaData) -> int:
    """The bytes of a column of texts where each value is as long as the longest one that it keeps once."""
    if chunk.num_values * chunk.total_uncompressed_size <= _NAMED:
        return 0
    for batch in named.iter_batches(batch_size=1, row_groups=[group], columns=[chunk.path_in_schema]):
        array = batch.column(0)
        while not types.is_dictionary(array.type):
            if not types.is_nested(array.type):  # a number in bytes, or one of two columns of one name
                return 0
            array = array.flatten()[0] if types.is_struct(array.type) else array.values
        return chunk.num_values * (pc.max(pc.binary_length(array.dictionary)).as_py() or 0)
    return 0


def _unpacked(chunk: pq.ColumnChunkMetaData) -> int:
    """The bytes of a column, each text once."""
    return max(chunk.total_uncompressed_size, chunk.num_values * _WIDTHS.get(chunk.physical_type, 4))


def _plain(batch: pa.RecordBatch, budget: Budget) -> Iterator[dict[str, Any] | None]:
    """The rows of a batch; None for one that is too large."""
    batch.validate()
    budget.check(sum(map(size_of_views, batch.columns)))  # each of which is looked at
    batch.validate(full=True)  # what is read from a damaged Arrow file ends the whole process otherwise
    budget.spend(batch_size(batch))
    more, merged = _has_more(batch.schema), _MERGED.search(batch.schema.to_string(show_schema_metadata=False))
    for piece in pieces(batch):
        if piece.num_rows == 1 and batch_size(piece) > TOGETHER and _is_too_large(piece):
            yield None
            continue
        for row in arrow_rows.rows(piece):
            value = _value(row) if more else row
            yield _without_nulls(value) if merged else value


def _is_too_large(row: pa.RecordBatch) -> bool:
    text, values = map(sum, zip(*map(size, row.columns), strict=True))
    return text > 4 * LONGEST or values > MOST_PARTS


def _has_more(schema: pa.Schema) -> bool:
    """Whether there are values that JSON has no word for."""
    words = str(schema.types)
    return any(word in words for word in ("binary", "time", "date", "decimal", "duration", "month", "uuid", "map<"))


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _value(held) for key, held in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(each, tuple) and len(each) == 2 for each in value):  # a map
            held = {str(key): _value(each) for key, each in value}
            if len(held) == len(value):
                return held
        return [_value(held) for held in value]
    if isinstance(value, bytes):
        return {"bytes": len(value)}  # no text: what it is for is told by the column's name
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)):
        return str(value)
    if isinstance(value, tuple):  # of a map that gives a key twice
        return [_value(held) for held in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def _without_nulls(value: Any, own: bool = False) -> Any:
    """The value without the keys that only other rows have; `own`: it stands inside an object with keys of its own."""
    if isinstance(value, dict):
        items = [(key, held) for key, held in value.items() if held is not None or not own]
        return {key: _without_nulls(held, own or key in _OWN_KEYS) for key, held in items}
    return [_without_nulls(held, own) for held in value] if isinstance(value, list) else value
