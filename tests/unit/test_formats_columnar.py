"""Parquet and Arrow: what a file stands for is worked out before it is read, and read just as Arrow reads it."""

from __future__ import annotations

import gzip
import io
import random
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_formats_bombs import read, some

from formats import arrow_rows, columnar, containers
from formats.convert import convert

TEXT = "x" * 1_000_000
OFTEN = 200_000


def parquet(table: pa.Table, **named) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", **named)
    return out.getvalue()


def arrow(table: pa.Table, compression: str | None = None, kind: str = "stream") -> bytes:
    out = io.BytesIO()
    new = {"stream": pa.ipc.new_stream, "file": pa.ipc.new_file}[kind]
    with new(out, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return out.getvalue()


def pairs(prompts: pa.Array) -> pa.Table:
    return pa.table({"prompt": prompts, "completion": pa.array(["b"] * len(prompts))})


def often(text: str, times: int) -> pa.Array:
    """An array that keeps one text once and names it often."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), pa.array([text]))


def views(text: str, times: int) -> pa.Array:
    view = struct.pack("<i4sii", len(text), text[:4].encode(), 0, 0)
    return pa.Array.from_buffers(
        pa.string_view(), times, [None, pa.py_buffer(view * times), pa.py_buffer(text.encode())]
    )


def listed(text: str, times: int) -> pa.Array:
    turn = pa.StructArray.from_arrays([often("user", times), often(text, times)], ["role", "content"])
    return pa.ListArray.from_arrays(pa.array([0, times // 2, times], pa.int32()), turn)


BOMBS = {
    "a text in Parquet": lambda: parquet(pairs(often(TEXT, 2_000))),
    "a text of 20 MB in Parquet": lambda: parquet(pairs(often(TEXT * 20, 2_000))),
    "a text in lists in Parquet": lambda: parquet(pa.table({"messages": listed(TEXT, 2_000)})),
    "a beginning in Parquet": lambda: parquet(
        pairs(pa.array([TEXT] * 150)), use_dictionary=False, column_encoding={"prompt": "DELTA_BYTE_ARRAY"}
    ),
    "nothing in Parquet": lambda: parquet(pa.table({"a": pa.nulls(50_000_000)})),
    "packed Arrow": lambda: arrow(pairs(pa.array([TEXT] * 300)), "zstd"),
    "a packed Arrow file": lambda: arrow(pairs(pa.array([TEXT] * 300)), "lz4", "file"),
    "a text in Arrow": lambda: arrow(pairs(often(TEXT, OFTEN))),
    "views in Arrow": lambda: arrow(pairs(views(TEXT, OFTEN))),
    "runs in Arrow": lambda: arrow(
        pairs(pa.RunEndEncodedArray.from_arrays(pa.array([OFTEN], pa.int32()), pa.array([TEXT])))
    ),
    "nothing in Arrow": lambda: arrow(pa.table({"a": pa.nulls(2_000_000_000)})),
    "packed twice": lambda: gzip.compress(arrow(pairs(pa.array([TEXT] * 150)))),
}


@pytest.mark.parametrize(
    "what", some(BOMBS, "a text in Parquet", "a text in lists in Parquet", "packed Arrow", "views in Arrow")
)
def test_a_table_that_stands_for_gigabytes_is_refused(tmp_path, what):
    codes = read(tmp_path / "f", BOMBS[what]())
    assert codes.pop("chat", 0) < 100  # what a file of any size may hold
    assert codes in ({"bad_table": 1}, {"bad_archive": 1})


def test_a_refused_table_says_why_and_what_to_do(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(BOMBS["a text in Parquet"]())
    (problem,) = convert(path)
    assert "200 times its size" in problem.problem and problem.fix


def test_a_row_that_is_longer_than_any_record_costs_that_row_alone(tmp_path):
    prompts = pa.array(["a", "b" * 140_000_000, "c"])
    ballast = random.Random(0).randbytes(2 << 20)  # a file that is as large as to hold such a row
    path = tmp_path / "f"
    for content in (parquet(pairs(prompts).append_column("x", pa.array([b"", ballast, b""]))), arrow(pairs(prompts))):
        path.write_bytes(content)
        assert [getattr(each, "code", "chat") for each in convert(path)] == ["chat", "too_large", "chat"]


TEXTS = pa.array(["a", None, "", "é", "a", "b" * 300])
NESTED = [
    {"messages": [{"role": "user", "content": "a", "n": 1}, None, {"role": None, "content": "b", "n": 2}], "t": "x"},
    {"messages": [], "t": None},
    {"messages": None, "t": "x"},
    {"messages": [{"role": "user", "content": "a", "n": None}], "t": "y"},
] * 3


def encoded(array: pa.Array) -> pa.Array:
    """The array with each text in it kept once."""
    if pa.types.is_string(array.type):
        return array.dictionary_encode()
    if pa.types.is_struct(array.type):
        fields = [encoded(array.field(place)) for place in range(array.type.num_fields)]
        return pa.StructArray.from_arrays(fields, [each.name for each in array.type], mask=array.is_null())
    if pa.types.is_list(array.type):
        return pa.ListArray.from_arrays(array.offsets, encoded(array.values), mask=array.is_null())
    return array


@pytest.mark.parametrize("start", [0, 1, 3])
def test_values_that_are_kept_once_are_read_as_arrow_reads_them(start):
    nested = pa.Table.from_pylist(NESTED)
    for array in (TEXTS, nested["messages"].chunk(0), nested["t"].chunk(0), pa.array([[["a"], []], None, [None]] * 2)):
        made = encoded(array)
        made.validate(full=True)
        assert arrow_rows.values(made.slice(start)) == array.slice(start).to_pylist()
        assert arrow_rows.values(made.slice(start, 2)) == array.slice(start, 2).to_pylist()
        assert arrow_rows.size(made.slice(start)) == arrow_rows.size(array.slice(start))
    assert arrow_rows.size(TEXTS.slice(3)) == (303, 3)
    assert arrow_rows.size(views("e" * 30, 5).slice(2)) == (90, 3)


def test_rows_come_in_pieces_of_a_bounded_size():
    batch = pairs(pa.array(["x" * 10_000_000] * 7 + ["y"] * 1_200)).to_batches()[0]
    parts = list(arrow_rows.pieces(batch))
    assert pa.Table.from_batches(parts) == pa.Table.from_batches([batch])
    assert all(each.num_rows == 1 or arrow_rows.batch_size(each) <= arrow_rows.TOGETHER for each in parts)
    assert max(each.num_rows for each in parts) <= arrow_rows.ROWS < len(batch)


@pytest.mark.parametrize(
    "options", [{}, {"row_group_size": 3}, {"use_dictionary": False}, {"data_page_version": "2.0"}]
)
def test_parquet_is_read_the_same_whether_texts_are_kept_once_or_not(tmp_path, monkeypatch, options):
    rows = pa.Table.from_pylist([{**row, "k": f"text {number % 3}"} for number, row in enumerate(NESTED)])
    (tmp_path / "f").write_bytes(parquet(rows, **options))

    def read_rows():
        return [record for _, record in containers.records(tmp_path / "f")]

    plain = read_rows()
    monkeypatch.setattr(columnar, "_NAMED", -1)
    assert read_rows() == plain == rows.to_pylist()
