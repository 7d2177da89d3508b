"""Messages that stand one in a row become one chat for each conversation, in order, and never one chat of all."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from formats import grouping
from formats.columns import Columns
from formats.conversation import Conversation
from formats.convert import convert, describe, look
from formats.detect import detect
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading

Rows = list[dict[str, Any]]


def rows(*chats: str, key: str = "conversation_id", **more: Any) -> Rows:
    """A row for each letter: user and assistant in turn, the conversations numbered from 1."""
    return [
        {key: number, "role": ("user", "assistant")[place % 2], "content": text, **more}
        for number, chat in enumerate(chats, 1)
        for place, text in enumerate(chat)
    ]


def write(path: Path, table: Rows) -> Path:
    """The rows as a file of the kind that its suffix says."""
    kind = path.name.partition(".")[2]
    if kind in ("csv", "tsv"):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(table[0]), delimiter="," if kind == "csv" else "\t")
            writer.writeheader()
            writer.writerows(table)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(table), path)
    elif kind == "arrow":
        feather.write_feather(pa.Table.from_pylist(table), path)
    else:
        lines = "\n".join(map(json.dumps, table))
        text = {"json": json.dumps(table), "data.json": json.dumps({"data": table})}.get(kind, lines)
        text = json.dumps({"messages": table, "note": "x"}) if kind == "messages.json" else text
        path.write_bytes(gzip.compress(text.encode()) if kind.endswith("gz") else text.encode())
    return path


def texts(path: Path, **reading: Any) -> list[str]:
    """What is said in each conversation, or the code of the problem in its place."""
    return [
        "".join(m.content for m in each.messages) if isinstance(each, Conversation) else each.code
        for each in convert(path, reading=Reading(**reading))
    ]


KINDS = ["json", "jsonl", "csv", "tsv", "parquet", "arrow", "jsonl.gz", "data.json", "messages.json"]
CHATS = rows("abcd", "ef", "gh")


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_messages_are_grouped_by_their_conversation_in_every_container(tmp_path, kind):
    path, notes = write(tmp_path / f"chats.{kind}", CHATS), Notes()
    first, *_, last = convert(path, notes=notes)
    assert texts(path) == ["abcd", "ef", "gh"]
    assert isinstance(first, Conversation) and [m.role for m in first.messages] == ["user", "assistant"] * 2
    assert first.repairs == ("rows_grouped",) and (first.origin.record, last.origin.record) == (1, 7)
    assert [example.origin.record for example in notes.examples["rows_grouped"]] == [1, 5, 7]
    assert notes.ignored["conversation_id"] == 3 and "conversation_id" in notes.formats[path.name].reason
    assert texts(path, repairs={"rows_grouped": False}) == ["rows_grouped"] * 3


def test_each_file_of_an_archive_is_grouped_by_itself(tmp_path):
    for number, chats in enumerate((["ab", "cd"], ["ef"])):
        write(tmp_path / f"{number}.csv", rows(*chats))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("0.csv", "1.csv"):
            archive.write(tmp_path / name, name)
    assert texts(tmp_path / "all.zip") == ["ab", "cd", "ef"]


NAMES = ["conversation_id", "conversationId", "Conversation ID", "chat_id", "dialogue_id", "thread_id", "session_id"]
NAMES += ["message_tree_id", "conv_id", "conversation_hash", "conversation", "ticket", "id", "sample_id", "chat"]


@pytest.mark.parametrize("kind", ["json", "csv"])
@pytest.mark.parametrize("name", NAMES)
def test_what_tells_the_conversation_has_many_names(tmp_path, name, kind):
    assert texts(write(tmp_path / f"chats.{kind}", rows("abcd", "ef", key=name))) == ["abcd", "ef"]


def test_names_of_columns_heed_no_case(tmp_path):
    table = [{"Chat ID": row["conversation_id"], "Role": row["role"], "Text": row["content"]} for row in CHATS]
    for kind in ("csv", "json"):
        assert texts(write(tmp_path / f"chats.{kind}", table)) == ["abcd", "ef", "gh"]


def test_ids_of_messages_and_speakers_tell_no_conversation(tmp_path):
    for key, ids in (("id", [1, 2, 3, 4]), ("user_id", [7, 8, 7, 8]), ("turn_id", [0, 0, 1, 1]), ("model_id", [1] * 4)):
        table = [{key: id, "role": row["role"], "content": row["content"]} for id, row in zip(ids, CHATS, strict=False)]
        found = list(convert(write(tmp_path / "chats.json", table)))
        assert [("".join(m.content for m in each.messages), each.repairs) for each in found] == [("abcd", ())]
        assert texts(write(tmp_path / "chats.jsonl", table)) == ["message_row"] * 4


def mixed(table: Rows) -> Rows:
    """The rows as a log has them: conversations under way at once."""
    return [table[place] for place in (0, 4, 1, 6, 5, 2, 7, 3)]


@pytest.mark.parametrize("kind", KINDS)
def test_conversations_that_went_on_at_once_are_told_apart(tmp_path, kind):
    assert texts(write(tmp_path / f"chats.{kind}", mixed(CHATS))) == ["abcd", "ef", "gh"]


def numbered(table: Rows, key: str, write: Any) -> Rows:
    return [{**row, key: write(number)} for number, row in enumerate(table)]


ORDERS = {
    "numbers": ("turn_index", lambda n: n),
    "numbers as text": ("index", str),
    "seconds": ("create_time", lambda n: 1.7e9 + n / 4),
    "times": ("timestamp", lambda n: f"2024-01-01 10:{n:02}"),
    "times with a zone": ("created_at", lambda n: f"2024-01-01T1{n}:00:00.5{n}Z"),
    "times over a change of zone": ("created_at", lambda n: f"2024-01-01T1{9 - n}:00:00{9 - 2 * n:+03}:00"),
    "times as people write them": ("Date", lambda n: f"31.01.2024 10:0{n}"),
    "times of America": ("sent_at", lambda n: f"1/31/2024, {(n + 10) % 12 + 1}:00 {'ap'[n > 0]}m"),
    "times of MongoDB": ("createdAt", lambda n: {"$date": f"2024-01-01T1{n}:00:00Z"}),
}


@pytest.mark.parametrize("order", ORDERS)
def test_messages_are_put_into_the_order_of_their_number_or_time(tmp_path, order):
    table = numbered(CHATS, *ORDERS[order])
    newest_first = write(tmp_path / "chats.jsonl", table[::-1])
    assert texts(newest_first) == ["gh", "ef", "abcd"]
    assert {each.repairs for each in convert(newest_first)} == {("rows_grouped", "turns_sorted")}
    assert texts(newest_first, repairs={"turns_sorted": False}) == ["turns_sorted"] * 3
    in_order = write(tmp_path / "chats.jsonl", table)
    assert {each.repairs for each in convert(in_order)} == {("rows_grouped",)}


@pytest.mark.parametrize(
    "key, write_time",
    [
        ("timestamp", lambda n: f"{'MDTW'[n % 4]}onday"),
        ("date", lambda n: f"{n + 1}/{9 - n}/2024"),
        ("time", lambda n: n or ""),
    ],
)
def test_an_order_that_is_not_certain_is_refused_where_it_matters(tmp_path, key, write_time):
    table = numbered(CHATS, key, write_time)
    assert texts(write(tmp_path / "chats.jsonl", table[:4])) == [
        "abcd"
    ]  # from a question to a reply: in no other order
    problem, *_ = convert(write(tmp_path / "chats.jsonl", table[:3]))
    assert problem.code == "unsure_order" and key in problem.problem


def test_a_tree_in_rows_is_read_along_its_branch(tmp_path):
    tree = [
        {"message_id": id, "parent_id": parent, "text": text, "role": role, "rank": rank, "message_tree_id": "t"}
        for id, parent, text, role, rank in [
            ("2", "1", "worse", "assistant", 1.0),
            ("1", None, "a", "prompter", None),
            ("3", "1", "b", "assistant", 0.0),
        ]
    ]
    other = [
        {**row, "message_tree_id": "u", "message_id": f"u{n}", "parent_id": None} for n, row in enumerate(tree[1:2])
    ]
    for kind in ("parquet", "jsonl", "csv"):
        found, alone = convert(write(tmp_path / f"trees.{kind}", [*tree, *other]))
        assert [m.content for m in found.messages] == ["a", "b"] and alone.code == "no_reply"
        assert found.repairs[:2] == ("rows_grouped", "other_branches")


def test_a_conversation_beside_a_row_that_cannot_be_read_is_refused(tmp_path):
    lines = write(tmp_path / "chats.csv", CHATS).read_text().splitlines()
    path = tmp_path / "broken.csv"
    for place, expected in ((2, ["x", "row_lost", "ef", "gh"]), (5, ["x", "row_lost", "row_lost", "gh"])):
        path.write_text("\n".join([*lines[:place], "1,too,many,cells", *lines[place:]]))
        assert texts(path) == ["ragged_row" if each == "x" else each for each in expected]
    path.write_text("\n".join([*lines[:2], ",user,whose?", *lines[2:]]))
    assert texts(path) == ["message_row", "row_lost", "ef", "gh"]


def test_a_row_of_a_conversation_that_is_no_message_is_not_left_out(tmp_path):
    table = [*CHATS[:3], {"conversation_id": 1, "event": "typing", "at": 5}, *CHATS[3:]]
    assert texts(write(tmp_path / "chats.jsonl", table)) == ["no_role_or_text", "ef", "gh"]


def test_large_files_take_little_memory_and_what_comes_too_late_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "chats.jsonl", rows(*(chr(65 + n) + "x" for n in range(50))))
    late = write(tmp_path / "late.jsonl", [*rows(*(chr(65 + n) + "x" for n in range(50))), CHATS[0], CHATS[1]])
    assert texts(late)[0] == "Axab"
    monkeypatch.setattr(grouping, "HELD", 8000)
    assert texts(path) == [chr(65 + n) + "x" for n in range(50)]
    assert sorted(texts(late))[-2:] == ["scattered_rows"] * 2 and "Ax" in texts(late)


ONE = {"messages": [{"chat_id": row["conversation_id"], **row} for row in CHATS]}


@pytest.mark.parametrize("record", [ONE, {**ONE, "system": "s"}, {"id": 1, "conversations": ONE["messages"]}])
def test_several_conversations_in_the_list_of_one_record_are_refused(tmp_path, record):
    good = {"messages": rows("ab")}
    path = tmp_path / "chats.jsonl"
    path.write_text(f"{json.dumps(good)}\n{json.dumps(record)}")
    assert texts(path) == ["ab", "several_conversations"]
    pq.write_table(pa.Table.from_pylist([good, {"messages": ONE["messages"]}]), tmp_path / "chats.parquet")
    assert texts(tmp_path / "chats.parquet") == ["ab", "several_conversations"]
    assert texts(path, columns=Columns(turns="messages"))[0] == "ab"


def test_one_message_alone_is_refused_by_its_name(tmp_path):
    for keys in (("role", "content"), ("role", "text"), ("from", "value"), ("Role", "Content")):
        path = write(tmp_path / "chats.csv", [{"n": "1", keys[0]: "user", keys[1]: "a"}])
        (problem,) = convert(path)
        assert problem.code == "message_row" and "conversation" in problem.fix


def test_columns_of_any_name_are_grouped_as_a_person_says(tmp_path):
    table = [
        {"Fall": id, "Wer": who, "Was": what, "Wann": when}
        for id, who, what, when in [(2, "Kunde", "c", 1), (1, "Bot", "b", 2), (1, "Kunde", "a", 1), (2, "Bot", "d", 2)]
    ]
    words = ["conversation=Fall", "role=Wer", "text=Was", "role.Kunde=user", "role.Bot=assistant"]
    for kind in KINDS[:6]:
        path = write(tmp_path / f"chats.{kind}", table)
        assert texts(path, columns=Columns.parse([*words, "order=Wann"])) == ["cd", "ab"]
        notes = Notes()
        as_it_stands, *_ = convert(path, reading=Reading(columns=Columns.parse(words)), notes=notes)
        assert as_it_stands.repairs == ("rows_grouped",) and "messages" not in notes.ignored
    unsure = [{**row, "Wann": "soon"} for row in table]
    path = write(tmp_path / "chats.csv", unsure)
    assert texts(path, columns=Columns.parse([*words, "order=Wann"])) == ["cd", "unsure_order"]


WORDS = ["role=role", "text=content"]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("wrong", [["conversation=Conversation_ID"], ["conversation=conversation_id", "order=WHEN"]])
def test_a_column_that_is_not_there_is_named(tmp_path, kind, wrong):
    path = write(tmp_path / f"chats.{kind}", numbered(CHATS, "when", int))
    assert set(texts(path, columns=Columns.parse([*wrong, *WORDS]))) == {"no_column"}
    (problem, *_) = convert(path, reading=Reading(columns=Columns.parse([*wrong, *WORDS])))
    assert f"Write {wrong[-1].partition('=')[2].lower()}" in problem.fix


def test_a_row_without_its_conversation_is_named_as_such(tmp_path):
    table = [*CHATS[:4], {**CHATS[4], "conversation_id": ""}]
    path = write(tmp_path / "chats.csv", [{**row, "n": "1"} for row in table])
    columns = Columns.parse(["conversation=conversation_id", *WORDS])
    assert texts(path, columns=columns) == ["message_row", "row_lost"]


def test_a_conversation_and_an_order_may_lie_deeper(tmp_path):
    table = [
        {"meta": {"chat": row["conversation_id"], "at": -n}, "role": row["role"], "content": row["content"]}
        for n, row in enumerate(CHATS[::-1])
    ]
    columns = Columns.parse(["conversation=meta.chat", "order=meta.at", *WORDS])
    for kind in ("jsonl", "parquet"):
        path = write(tmp_path / f"chats.{kind}", table)
        assert texts(path, columns=columns) == ["gh", "ef", "abcd"]
        assert next(convert(path, reading=Reading(columns=columns))).repairs == ("rows_grouped", "turns_sorted")


def test_rows_are_looked_at_as_they_stand_in_the_file(tmp_path):
    path = write(tmp_path / "chats.csv", CHATS)
    assert len(look(path)) == len(CHATS) and detect(look(path)).format == describe(path).format == "messages"


def test_a_rejected_conversation_of_rows_can_be_mended_as_one_record(tmp_path):
    (problem,) = convert(write(tmp_path / "chats.csv", rows("a")))
    assert isinstance(problem, RowProblem) and problem.code == "no_reply"
    record = json.loads(problem.record)
    record["messages"].append({"role": "assistant", "content": "b"})
    (tmp_path / "mended.json").write_text(json.dumps([record]))
    assert texts(tmp_path / "mended.json") == ["ab"]
