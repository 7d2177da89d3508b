"""Arrow arrays -> Python values. A value that an array keeps once and names often is one object, and counts each time.

What it takes is worked out before: an array of a few bytes may stand for gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

ROWS = 500  # at once
TOGETHER = 32 << 20  # bytes of rows that are made at once, unless one row is more
VALUE = 16  # bytes that any value counts beside its text


class Unreadable(ValueError):
    """A type of column that is not read."""


def size(array: pa.Array) -> tuple[int, int]:
    """(bytes of text, number of values) of what an array stands for.

    Raises:
        Unreadable: it is of a type whose size cannot be told.
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return size(array.storage)
    if types.is_dictionary(kind):
        return _named_size(array)
    if types.is_struct(kind):
        return _sum((0, len(array)), *(size(part) for part in array.flatten()))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _sum((0, len(array)), size(array.flatten()))
    if types.is_map(kind):
        first, last = array.offsets[0].as_py(), array.offsets[-1].as_py()
        parts = (part.slice(first, last - first) for part in (array.keys, array.items))
        return _sum((0, len(array)), *(size(part) for part in parts))
    if types.is_string_view(kind) or types.is_binary_view(kind):
        return size_of_views(array), len(array)
    if _has_length(kind):
        return pc.sum(pc.binary_length(array)).as_py() or 0, len(array)
    if types.is_nested(kind) or types.is_run_end_encoded(kind):
        raise Unreadable(f"a column of type {str(kind)[:60]} is not read")
    return 0, len(array)


def size_of_views(array: pa.Array) -> int:
    """The bytes of text that views in an array stand for. It need not be valid: no value is looked at."""
    kind = array.type
    if types.is_string_view(kind) or types.is_binary_view(kind):
        lengths = memoryview(array.buffers()[1] or b"").cast("i")  # each view is four numbers, the first its length
        return sum(lengths[4 * array.offset : 4 * (array.offset + len(array)) : 4])
    if isinstance(kind, pa.BaseExtensionType):
        return size_of_views(array.storage)
    if types.is_struct(kind):
        return sum(size_of_views(array.field(place)) for place in range(kind.num_fields))
    if types.is_dictionary(kind):
        return size_of_views(array.dictionary)
    if types.is_map(kind):
        return size_of_views(array.keys) + size_of_views(array.items)
    return size_of_views(array.values) if hasattr(array, "values") else 0


def _named_size(array: pa.DictionaryArray) -> tuple[int, int]:
    held = array.dictionary
    if _has_length(held.type):
        return pc.sum(pc.binary_length(held).take(array.indices)).as_py() or 0, len(array)
    characters, values = size(held)
    if not types.is_nested(held.type) and not characters:
        return 0, len(array)
    return characters * len(array), values * len(array)  # at most


def _has_length(kind: pa.DataType) -> bool:
    return any(
        check(kind) for check in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )


def _sum(*sizes: tuple[int, int]) -> tuple[int, int]:
    return sum(each for each, _ in sizes), sum(each for _, each in sizes)


def batch_size(batch: pa.RecordBatch) -> int:
    """The bytes that the rows of a batch count."""
    text, values = _sum(*map(size, batch.columns))
    return text + VALUE * (values + batch.num_rows)


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in pieces of at most ROWS rows and TOGETHER bytes, or one row."""
    for start in range(0, batch.num_rows, ROWS):
        yield from _halves(batch.slice(start, ROWS))


def _halves(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    half = batch.num_rows // 2
    if half and batch_size(batch) > TOGETHER:
        yield from _halves(batch.slice(0, half))
        yield from _halves(batch.slice(half))
    else:
        yield batch


def rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows of a batch as objects of its columns."""
    if "dictionary<" not in str(batch.schema.types):  # then no value stands for many
        return cast(list[dict[str, Any]], batch.to_pylist())
    return _objects(batch.schema.names, batch.columns, batch.num_rows)


def values(array: pa.Array) -> list[Any]:
    """As `array.to_pylist()` gives them."""
    kind = array.type
    if types.is_dictionary(kind):
        return _named(array)
    if types.is_struct(kind):
        names = [field.name for field in kind]
        if len(set(names)) < len(names):
            raise ValueError("it holds objects that give a key twice")
        return _or_nothing(array, _objects(names, array.flatten(), len(array)))
    if types.is_list(kind) or types.is_large_list(kind):
        offsets = array.offsets.to_pylist()
        first = offsets[0]
        inside = values(array.values.slice(first, offsets[-1] - first))
        return _or_nothing(array, [inside[start - first : end - first] for start, end in pairwise(offsets)])
    return array.to_pylist()


def _objects(names: list[str], columns: list[pa.Array], count: int) -> list[dict[str, Any]]:
    if not columns:
        return [{} for _ in range(count)]
    return [dict(zip(names, row, strict=True)) for row in zip(*map(values, columns), strict=True)]


def _named(array: pa.DictionaryArray) -> list[Any]:
    used = pc.unique(array.indices.drop_null())
    known: dict[int | None, Any] = {None: None}
    known.update(zip(used.to_pylist(), values(array.dictionary.take(used)), strict=True))
    return [known[place] for place in array.indices.to_pylist()]


def _or_nothing(array: pa.Array, made: list[Any]) -> list[Any]:
    """The values, with None where the array holds nothing."""
    if not array.null_count:
        return made
    return [value if there else None for value, there in zip(made, array.is_valid().to_pylist(), strict=True)]
