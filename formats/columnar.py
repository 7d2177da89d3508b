"""Parquet and Arrow: a row becomes an object of its columns."""

from __future__ import annotations

import datetime
import decimal
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from formats.archives import Stream
from formats.conversation import Origin
from formats.json_file import Item
from formats.json_problems import file_problem

_PARQUET, _ARROW, _STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
_BATCH = 500  # rows
# Objects with keys of their own, row by row. Arrow gives each row the keys of all, with null for those it has not.
_OWN_KEYS = ("arguments", "parameters", "tools", "functions")
_MERGED = re.compile(rf"\b({'|'.join(_OWN_KEYS)}): (?:\w+<\w+: ){{0,8}}struct<")


def is_columnar(start: bytes) -> bool:
    """Whether a file that begins so is Parquet or Arrow."""
    return start.startswith((_PARQUET, _ARROW, _STREAM))


def rows(file: Stream, start: bytes, name: str) -> Iterator[Item]:
    """The rows of a Parquet or Arrow file, a few at a time."""
    number = 0
    try:
        for batch in _batches(file, start):
            doubled = [column for column, count in Counter(batch.schema.names).items() if count > 1]
            if doubled:
                problem = f"two columns are called {doubled[0][:60]!r}, so which is which is not certain."
                yield file_problem(name, "bad_table", problem, "Give each column a name of its own.")
                return
            for row in _plain(batch):
                number += 1
                yield Origin(name, number), row
    except (pa.ArrowException, MemoryError, OSError, ValueError) as error:
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


def _batches(file: Stream, start: bytes) -> Iterator[pa.RecordBatch]:
    if start.startswith(_PARQUET):
        yield from pq.ParquetFile(file).iter_batches(batch_size=_BATCH)
    elif start.startswith(_ARROW):
        opened = pa.ipc.open_file(file)
        yield from (opened.get_batch(place) for place in range(opened.num_record_batches))
    else:
        yield from pa.ipc.open_stream(file)


def _plain(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    batch.validate(full=True)  # what is read from a damaged Arrow file ends the whole process otherwise
    more, merged = _has_more(batch.schema), _MERGED.search(batch.schema.to_string(show_schema_metadata=False))
    for start in range(0, batch.num_rows, _BATCH):
        for row in batch.slice(start, _BATCH).to_pylist():
            value = _value(row) if more else row
            yield _without_nulls(value) if merged else value


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
