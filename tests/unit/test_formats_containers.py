"""Chats are read out of every container that people keep them in, and what cannot be read is said by name."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from formats import archives, budget
from formats.conversation import Conversation
from formats.convert import convert, describe
from formats.problems import PROBLEMS

TURNS = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
GOOD = {"conversations": TURNS}
LINE = json.dumps(GOOD)
PAIR = {"prompt": "a", "completion": "b"}


def read(tmp_path: Path, content: bytes, name: str = "upload.bin") -> list[object]:
    """What convert gives: the texts of each chat, or (file, record, code) of each problem."""
    path = tmp_path / "upload"
    path.write_bytes(content)
    found = []
    for each in convert(path, name=name):
        if isinstance(each, Conversation):
            found.append([message.content for message in each.messages])
        else:
            assert each.code in PROBLEMS and each.problem and each.fix
            found.append((each.origin.file, each.origin.record, each.code))
    return found


def table(*rows: list[str], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


QA = [["question", "answer"], ["Wie geht's, Größe?", 'Gut;\n"sehr" gut\tja'], ["b", "c"]]
READ = [QA[1], QA[2]]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_with_any_delimiter_in_any_encoding(tmp_path, delimiter, encoding):
    long = [["Ein längerer Satz über Äpfel und Öl", "Eine schöne Antwort für Käse"]] * 5
    assert read(tmp_path, table(*QA, *long, delimiter=delimiter).encode(encoding), "a.csv") == [*READ, *long]


TABLES = [
    ("a column with chats as JSON", table(["id", "conversations"], ["1", json.dumps(TURNS)]), [["Hi", "Hello"]]),
    ("carriage returns alone", "prompt,completion\ra,b\rc,d\r", [["a", "b"], ["c", "d"]]),
    ("blank lines", "prompt,completion\n\na,b\n\n", [["a", "b"]]),
    (
        "a row with a cell too many",
        "prompt,completion\na,b\na,b,c\nd,e\n",
        [["a", "b"], ("t", 2, "ragged_row"), ["d", "e"]],
    ),
    ("a row with a cell too few", "prompt,completion\na\nd,e\n", [("t", 1, "ragged_row"), ["d", "e"]]),
    ("a quotation mark that never closes", 'prompt,completion\na,b\n"c,d\ne,f\n', [["a", "b"], ("t", 2, "not_read")]),
    ("no rows", "prompt,completion\n", [("t", 0, "no_records")]),
    ("two columns of one name", "prompt,prompt\na,b\n", [("t", 0, "bad_table")]),
    ("a column without a name", "prompt,,completion\na,b,c\n", [("t", 0, "bad_table")]),
    ("prose with commas", "Dear diary, today\nI went home, and slept.\n", [("t", 0, "not_json")]),
    ("an empty cell", "prompt,completion\na,\n", [("t", 1, "no_reply")]),
    ("other names", "x,y\n1,2\n", [("t", 0, "not_json")]),
]


@pytest.mark.parametrize(("name", "given", "expected"), TABLES, ids=[row[0] for row in TABLES])
def test_a_table_is_read_or_its_rows_are_told(tmp_path, name, given, expected):
    assert read(tmp_path, given.encode(), "t") == expected


def test_a_table_of_other_names_called_csv_is_read_as_records_to_be_mapped(tmp_path):
    assert read(tmp_path, b"x,y\n1,2\n", "t.csv") == [("t.csv", 1, "unknown_format")]


def test_a_table_of_columns_is_read_from_parquet_and_arrow(tmp_path):
    rows = [{**GOOD, "when": datetime(2026, 1, 1), "blob": b"\x00", "nothing": None}] * 3
    made = pa.Table.from_pylist(rows)
    pq.write_table(made, tmp_path / "a.parquet")
    feather.write_feather(made, tmp_path / "a.feather")
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, made.schema) as stream:
        stream.write_table(made)
    for name in ("a.parquet", "a.feather", "a.arrow"):
        assert read(tmp_path, (tmp_path / name).read_bytes(), name) == [["Hi", "Hello"]] * 3
        assert describe(tmp_path / name).format == "sharegpt"
        packed = gzip.compress((tmp_path / name).read_bytes())
        assert read(tmp_path, packed, name) == [["Hi", "Hello"]] * 3


def test_a_damaged_or_empty_table_is_a_named_problem(tmp_path):
    pq.write_table(pa.Table.from_pylist([GOOD] * 50), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    assert read(tmp_path, whole[: len(whole) // 2], "a") == [("a", 0, "bad_table")]
    assert read(tmp_path, b"PAR1" + bytes(50), "a") == [("a", 0, "bad_table")]
    assert read(tmp_path, b"ARROW1" + bytes(50), "a") == [("a", 0, "bad_table")]
    assert read(tmp_path, b"\xff\xff\xff\xff" + bytes(50), "a")[-1][2] in ("bad_table", "no_records")
    pq.write_table(pa.Table.from_pylist([], schema=pa.schema([("prompt", pa.string())])), tmp_path / "a.parquet")
    assert read(tmp_path, (tmp_path / "a.parquet").read_bytes(), "a") == [("a", 0, "no_records")]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_are_read_whatever_is_inside(tmp_path, pack):
    assert read(tmp_path, pack(f"{LINE}\n{LINE}".encode())) == [["Hi", "Hello"]] * 2
    assert read(tmp_path, pack(json.dumps([GOOD]).encode("utf-16"))) == [["Hi", "Hello"]]
    assert read(tmp_path, pack(table(*QA).encode()), "qa.csv.gz") == READ
    assert read(tmp_path, pack(b"one") + pack(b"two"), "a") == [("a", 0, "not_json")]
    assert read(tmp_path, pack(LINE.encode()) + pack(LINE.encode())) == [["Hi", "Hello"]] * 2
    cut = pack(("\n".join([json.dumps({**GOOD, "id": n * 7919}) for n in range(9000)])).encode())
    *_, last = read(tmp_path, cut[: len(cut) // 2], "a")
    assert last == ("a", 0, "bad_archive")
    assert read(tmp_path, pack(pack(LINE.encode())), "a") == [("a", 0, "not_text")]


def zipped(**files: bytes | str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__slash__", "/"), content)
    return out.getvalue()


def test_a_zip_of_several_files_is_read_file_by_file(tmp_path):
    made = zipped(
        **{"a.jsonl": LINE, "b__slash__c.json": json.dumps([GOOD, PAIR]), "__MACOSX__slash__a": b"\x00"},
        **{"cat.png": b"\x89PNG\r\n\x1a\n", "qa.csv": table(*QA), "empty.json": "", ".DS_Store": b"x"},
    )
    assert read(tmp_path, made, "x.zip") == [
        ["Hi", "Hello"],
        ["Hi", "Hello"],
        ["a", "b"],
        ("x.zip/cat.png", 0, "not_text"),
        *READ,
        ("x.zip/empty.json", 0, "empty"),
    ]
    path = tmp_path / "upload"
    origins = [(each.origin.file, each.origin.record) for each in convert(path, name="x.zip")]
    assert origins[:3] == [("x.zip/a.jsonl", 1), ("x.zip/b/c.json", 1), ("x.zip/b/c.json", 2)]


def test_archives_beyond_the_limits_are_refused_by_the_limit_s_name(tmp_path, monkeypatch):
    def problems(content):
        (tmp_path / "upload").write_bytes(content)
        return [each.problem for each in convert(tmp_path / "upload") if not isinstance(each, Conversation)]

    monkeypatch.setattr(archives, "FILES", 3)
    (told,) = problems(zipped(**{f"{n}.json": LINE for n in range(4)}))
    assert "4 files; the limit is 3" in told
    monkeypatch.setattr(budget, "FREE", 100_000)
    for bomb in (zipped(a=LINE + " " * 10_000_000), gzip.compress(b"[" + b" " * 10_000_000)):
        assert any("200 times its size" in told for told in problems(bomb))
    for module in (archives, budget):
        monkeypatch.setattr(module, "UNPACKED", 1_000_000)
    (told,) = problems(zipped(a=LINE + " " * 2_000_000))
    assert "the limit is 0 GB" in told


def test_locked_damaged_and_nested_archives_are_named(tmp_path):
    made = bytearray(zipped(a=LINE))
    locked = bytearray(made)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    assert read(tmp_path, bytes(locked), "x.zip") == [("x.zip/a", 0, "bad_archive")]
    assert read(tmp_path, bytes(made[:40]), "x.zip") == [("x.zip", 0, "bad_archive")]
    made[40] ^= 0xFF
    assert read(tmp_path, bytes(made), "x.zip")[-1] == ("x.zip/a", 0, "bad_archive")
    assert read(tmp_path, zipped(a=zipped(b=LINE)), "x.zip") == [("x.zip/a", 0, "not_text")]
    assert read(tmp_path, zipped(), "x.zip") == [("x.zip", 0, "empty")]
    assert read(tmp_path, zipped(**{"[Content_Types].xml": "<x/>"}), "x.docx") == [("x.docx", 0, "not_text")]


WRAPPED = [
    ("rows by their numbers", {"0": GOOD, "1": GOOD}, [["Hi", "Hello"]] * 2),
    ("rows in parts", {"train": [GOOD], "test": [PAIR, PAIR]}, [["Hi", "Hello"], ["a", "b"], ["a", "b"]]),
    (
        "rows with a system message beside them",
        {"system": "S", "data": [GOOD, PAIR]},
        [["S", "Hi", "Hello"], ["S", "a", "b"]],
    ),
    ("lists of turns", [TURNS, TURNS], [["Hi", "Hello"]] * 2),
    ("a list of turns", TURNS, [["Hi", "Hello"]]),
    ("a list of turns that goes on with something else", [*TURNS, 3], [("f", 1, "bad_turn")]),
]


@pytest.mark.parametrize(("name", "given", "expected"), WRAPPED, ids=[row[0] for row in WRAPPED])
def test_rows_are_found_in_what_wraps_them(tmp_path, name, given, expected):
    assert read(tmp_path, json.dumps(given).encode(), "f") == expected


def test_a_key_given_twice_costs_its_own_row_or_turns_alone(tmp_path):
    twice = '{"instruction": "a", "output": "b", "output": "c"}'
    assert read(tmp_path, f'{{"data": [{LINE}, {twice}, {LINE}]}}'.encode(), "f") == [
        ["Hi", "Hello"],
        ("f", 2, "duplicate_key"),
        ["Hi", "Hello"],
    ]
    turns = '[{"from": "human", "value": "a", "value": "b"}, {"from": "gpt", "value": "c"}]'
    assert read(tmp_path, f"{json.dumps(TURNS)}\n{turns}\n".encode(), "f") == [
        ["Hi", "Hello"],
        ("f", 2, "duplicate_key"),
    ]
    many = [LINE] * 5 + [
        '{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b", "from": "x"}]}'
    ]
    for given in ("\n".join([*many, LINE]), f"[{', '.join([*many, LINE])}]"):
        assert read(tmp_path, given.encode(), "f")[5] == ("f", 6, "duplicate_key")


def test_a_large_object_that_wraps_rows_is_read_as_it_comes(tmp_path, monkeypatch):
    monkeypatch.setattr("formats.json_text.BLOCK", 200)
    for after in ("", ', "version": 3, "more": {"x": [1]}'):
        given = f'{{"data": [{", ".join([LINE] * 20)}]{after}}}\n{LINE}'
        assert read(tmp_path, given.encode(), "f") == [["Hi", "Hello"]] * 21
    whole = {"messages": [{"role": "user", "content": "x" * 300}, {"role": "assistant", "content": "y"}]}
    assert read(tmp_path, json.dumps(whole).encode(), "f") == [["x" * 300, "y"]]


TRICKY = ['a": "b', "a\\", 'é😀 "x" : {', "\u2028\x7f", "[{", "}, {", '", "from": "', " : ", "line\nbreak\t\r"]


def test_the_quick_way_reads_what_the_careful_way_reads(tmp_path, monkeypatch):
    rows = [
        {"conversations": [{"from": "human", "value": text}, {"from": "gpt", "value": text * 3}], "id": number}
        for number, text in enumerate(TRICKY * 3)
    ]
    rows += [{**GOOD, "score": 1.5}, {"instruction": "a", "output": 1.10}, {**GOOD, "id": 2**70}, {**GOOD, "x": None}]
    for given in (
        "\n".join(map(json.dumps, rows)),
        "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        json.dumps(rows),
        json.dumps(rows, indent=1),
        json.dumps(rows, separators=(",", ":")),
        "\r\n".join(map(json.dumps, rows)),
    ):
        quick = read(tmp_path, given.encode(), "f")
        with monkeypatch.context() as careful:
            careful.setattr("formats.json_text.JsonText._quickly", lambda self: None)
            assert read(tmp_path, given.encode(), "f") == quick
        assert len(quick) == len(rows) and all(isinstance(each, list) for each in quick)
        assert quick[-3] == ["a", "1.1"]


@pytest.mark.parametrize("mark", [";", ",", "|", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_before_a_table_that_says_what_parts_its_cells_is_heeded(tmp_path, mark, end):
    lines = [f"sep={mark}", mark.join(("prompt", "completion")), mark.join(("Hi", '"Hello; you, | there"'))]
    for name in ("f.csv", "f.txt"):
        (tmp_path / name).write_bytes(end.join([*lines, ""]).encode("utf-8-sig"))
        (found,) = convert(tmp_path / name)
        assert [message.content for message in found.messages] == ["Hi", "Hello; you, | there"]
        assert found.origin.record == 1
