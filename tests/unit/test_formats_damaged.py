"""What is damaged or hostile is refused by name, costs no other file or record, and never ends the process."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from formats.conversation import Conversation
from formats.convert import convert
from formats.problems import PROBLEMS, RowProblem
from formats.repair import REPAIRS

TURNS = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
GOOD = {"conversations": TURNS}
LINE = json.dumps(GOOD)
PAIR = {"prompt": "a", "completion": "b"}


def read(tmp_path: Path, content: bytes | str, name: str = "f") -> list[object]:
    """What convert gives: the texts of each chat, or (file, record, code) of each problem."""
    path = tmp_path / "upload"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [
        [message.content for message in each.messages]
        if isinstance(each, Conversation)
        else (each.origin.file, each.origin.record, each.code)
        for each in convert(path, name=name)
    ]


def arrow(table: pa.Table, kind: str = "stream", compression: str | None = None) -> bytes:
    out = io.BytesIO()
    new = {"stream": pa.ipc.new_stream, "file": pa.ipc.new_file}[kind]
    with new(out, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return out.getvalue()


def parquet(table: pa.Table, **options) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def zipped(method: int, **files: str) -> bytearray:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return bytearray(out.getvalue())


def test_a_damaged_member_of_a_zip_costs_that_file_alone(tmp_path):
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        made = zipped(method, a=LINE * 50, b=LINE)
        made[60:64] = b"\xff\x00\xff\x00"
        assert read(tmp_path, bytes(made), "x.zip") == [("x.zip/a", 0, "bad_archive"), ["Hi", "Hello"]]
    made = zipped(zipfile.ZIP_STORED, a=LINE, b=LINE)
    made[made.index(b"Hello")] ^= 1
    assert read(tmp_path, bytes(made), "x.zip") == [("x.zip/a", 0, "bad_archive"), ["Hi", "Hello"]]


def test_a_zip_whose_directory_is_damaged_is_refused(tmp_path):
    made = zipped(zipfile.ZIP_STORED, **{"\u00e9": LINE})
    assert read(tmp_path, bytes(made).replace("\u00e9".encode(), b"\xff\xfe")) == [("f", 0, "bad_archive")]
    made = zipped(zipfile.ZIP_STORED, a=LINE)
    made[made.index(b"PK\x01\x02") + 6] = 0xFF  # the version that it asks for
    assert read(tmp_path, bytes(made)) == [("f", 0, "bad_archive")]
    assert read(tmp_path, b"BZh9" + bytes(range(100))) == [("f", 0, "bad_archive")]


def test_names_that_point_out_of_a_zip_are_names_and_nothing_is_written(tmp_path):
    made = zipped(zipfile.ZIP_STORED, **{"../../out.json": LINE, "/abs": LINE})
    assert read(tmp_path, bytes(made), "x.zip") == [["Hi", "Hello"]] * 2
    assert not (tmp_path.parent.parent / "out.json").exists()


def test_a_file_without_a_name_in_a_zip_is_read(tmp_path):
    made = bytes(zipped(zipfile.ZIP_STORED, Q=LINE)).replace(b"Q", b"\x00")
    assert read(tmp_path, made, "x.zip") == [["Hi", "Hello"]]


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_a_damaged_arrow_file_is_a_problem_and_not_the_end_of_the_process(tmp_path, kind):
    made = arrow(pa.Table.from_pylist([GOOD] * 20), kind)
    offsets = made.index(bytes([0, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0]))
    broken = made[:offsets] + b"\xff\xff\xff\x7f" + made[offsets + 4 :]
    assert read(tmp_path, broken) == [("f", 0, "bad_table")]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**30], pa.date32()),
        pa.array([2**60], pa.timestamp("s")),
        pa.array([1], pa.timestamp("us", tz="Nowhere/Bad")),
        pa.array([2**62], pa.duration("s")),
    ],
)
def test_a_date_that_there_is_not_is_a_problem(tmp_path, column):
    assert read(tmp_path, arrow(pa.table({"prompt": ["a"], "completion": ["b"], "x": column}))) == [
        ("f", 0, "bad_table")
    ]


def test_two_columns_of_one_name_are_refused_and_keys_of_other_rows_left_out(tmp_path):
    table = pa.table([pa.array(["a"]), pa.array(["b"]), pa.array(["c"])], names=["prompt", "completion", "completion"])
    for made in (arrow(table), parquet(table)):
        assert read(tmp_path, made) == [("f", 0, "bad_table")]
    rows = [
        {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {key: 1}}}]},
            ],
            "tools": [{"name": "f", "parameters": {"properties": {key: {"type": "integer"}}}}],
        }
        for key in ("city", "zone")
    ]
    (tmp_path / "upload").write_bytes(parquet(pa.Table.from_pylist(rows)))
    for row, chat in zip(rows, convert(tmp_path / "upload"), strict=True):
        assert json.loads(chat.messages[1].tool_calls[0].arguments) == {next(iter(chat_key(row))): 1}
        assert json.loads(chat.tools[0]) == row["tools"][0]


def chat_key(row: dict) -> dict:
    return row["tools"][0]["parameters"]["properties"]


def test_a_map_that_gives_a_key_twice_is_not_read_as_if_it_did_not(tmp_path):
    turns = pa.array([[[("role", "user"), ("content", "a"), ("content", "b")]]], pa.list_(pa.map_("string", "string")))
    assert read(tmp_path, parquet(pa.table({"messages": turns}))) == [("f", 1, "bad_turn")]


def test_a_quotation_mark_that_never_closes_takes_no_rows_in_unsaid(tmp_path):
    assert read(tmp_path, 'prompt,completion\na,b\nc,"d\ne,f\ng,h\n') == [["a", "b"], ("f", 2, "not_read")]
    assert read(tmp_path, 'prompt,completion\na,b\nc,"d\ne"') == [["a", "b"], ["c", "d\ne"]]
    assert read(tmp_path, ',prompt,completion\n0,a,b\n1,"c",d') == [["a", "b"], ["c", "d"]]


def test_a_value_that_is_longer_than_any_record_is_refused_by_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("formats.json_text.BLOCK", 100)
    monkeypatch.setattr("formats.json_text.LONGEST", 1000)
    monkeypatch.setattr("formats.json_limits.LONGEST", 1000)
    long = json.dumps({"prompt": "x" * 5000, "completion": "y"})
    assert read(tmp_path, f"{LINE}\n{long}\n{LINE}") == [["Hi", "Hello"], ("f", 2, "too_large"), ["Hi", "Hello"]]


def test_markup_that_cannot_be_read_stays_as_it_is(tmp_path):
    for inside in ("<b>" * 3000, '<ol start="\u00b2"><li>x', "<script>x</script>"):
        text = f'<div class="markdown prose">{inside}'
        assert read(tmp_path, json.dumps({"prompt": "a", "completion": text})) == [["a", text]]


@pytest.mark.parametrize("seed", range(3))
def test_files_with_bytes_changed_at_random_end_in_conversations_or_named_problems(tmp_path, seed):
    table = pa.Table.from_pylist([GOOD] * 20)
    seeds = [
        *(bytes(zipped(method, **{"\u00e9.json": LINE * 9, "b.csv": "prompt,completion\na,b\n"})) for method in (0, 8)),
        *(f"{LINE}\n{LINE}".encode(), LINE.encode("utf-16"), b'prompt,completion\n"a,""x\n""",b\nc,d\n'),
        *(json.dumps({"data": [GOOD] * 4, "system": "S"}).encode(), parquet(table), arrow(table), arrow(table, "file")),
        *(arrow(table, "stream", "zstd"), arrow(table, "file", "lz4"), parquet(table, compression="zstd")),
        *(parquet(table, use_dictionary=False, data_page_version="2.0"), gzip.compress(arrow(table))),
        *(pack(f"{LINE}\n{LINE}".encode() * 9) for pack in (gzip.compress, bz2.compress, lzma.compress)),
    ]
    draw = random.Random(seed)
    path = tmp_path / "upload"
    for given in seeds * 20:
        changed = bytearray(given)
        for _ in range(draw.choice([1, 2, 5, 20])):
            place = draw.randrange(len(changed))
            changed[place : place + draw.choice([0, 1, 4])] = draw.choice(
                [b"\xff\xff\xff\x7f", b"\x00", b'"', b"{", draw.randbytes(1)]
            )
        path.write_bytes(bytes(changed))
        for each in convert(path):
            if isinstance(each, RowProblem):
                assert each.code in PROBLEMS or each.code in REPAIRS
                (each.problem + each.fix + each.record + each.origin.file).encode()
