"""Rows of one prompt and its reply that share the id of a conversation are one chat, where that is certain."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from formats.columns import Columns
from formats.conversation import Conversation
from formats.convert import convert, convert_record
from formats.detect import LOOKED_AT
from formats.guess import guess
from formats.notes import Notes
from formats.part import Part
from formats.reading import Reading
from ft.dataset import build

ROWS = [
    {"conversation_id": "x", "turn": 1, "prompt": "a", "response": "b"},
    {"conversation_id": "y", "turn": 1, "prompt": "e", "response": "f"},
    {"conversation_id": "x", "turn": 2, "prompt": "c", "response": "d"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def said(path: Path, notes: Notes | None = None, **reading: Any) -> list[str]:
    return [
        "".join(m.content for m in each.messages) if isinstance(each, Conversation) else each.code
        for each in convert(path, reading=Reading(**reading), notes=notes)
    ]


def changed(**more: Any) -> list[dict[str, Any]]:
    """The rows, with other values in some of their columns, in the order of the rows."""
    return [{**row, **{key: held[place] for key, held in more.items()}} for place, row in enumerate(ROWS)]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("key", ["conversation_id", "chatId", "Session ID", "thread_uuid", "dialog_no"])
@pytest.mark.parametrize("names", [("prompt", "response"), ("instruction", "output"), ("question", "answer")])
def test_exchanges_of_one_conversation_become_one_chat(tmp_path, kind, key, names):
    usual = {"conversation_id": key, "prompt": names[0], "response": names[1]}
    path, notes = write(tmp_path / f"f.{kind}", [{usual.get(k, k): v for k, v in row.items()} for row in ROWS]), Notes()
    assert said(path, notes) == ["abcd", "ef"]
    first, second = convert(path)
    assert [m.role for m in first.messages] == ["user", "assistant"] * 2 and all(m.train for m in first.messages[1::2])
    assert first.repairs == ("rows_grouped",) and first.origin.record == 1 and second.repairs == ()
    assert notes.ignored == {key: 2, "turn": 2} and len(notes.examples["rows_grouped"]) == 1
    assert said(path, repairs={"rows_grouped": False}) == ["ab", "ef", "cd"]


@pytest.mark.parametrize("order", [{"turn": [2, 1, 1]}, {"turn": ["2024-01-02", "2024-01-01", "2024-01-01"]}])
def test_they_are_sorted_by_their_number_or_time(tmp_path, order):
    path = write(tmp_path / "f.jsonl", [{**row, "date": row.pop("turn")} for row in changed(**order)])
    assert said(path) == ["cdab", "ef"]
    assert next(convert(path)).repairs == ("rows_grouped", "turns_sorted")
    assert said(path, repairs={"turns_sorted": False}) == ["turns_sorted", "ef"]


LONG = "That is said in more than twenty letters."
UNSURE = {
    "answers to choose from": changed(turn=[1, 1, 1], prompt=["a", "e", "a"]),
    "a prompt that tells all again": changed(response=[LONG, "f", "d"], prompt=["a", "e", f"a {LONG} c"]),
    "a time that cannot be read": [{**row, "date": "soon"} for row in changed(turn=[None] * 3)],
    "another system message": changed(system=["Be kind.", "", "Be rude."]),
    "a history of its own": changed(history=[[], [], [["q", "r"]]]),
    "a weight that cannot be trained with": changed(weight=[1, 1, 0.5]),
    "an id that is not there": changed(conversation_id=["x", "y", ""]),
    "no two of one conversation": changed(conversation_id=["x", "y", "z"]),
    "the number of a case": [{**row, "case_id": row["conversation_id"], "conversation_id": None} for row in ROWS],
}


@pytest.mark.parametrize("rows", UNSURE.values(), ids=UNSURE)
def test_where_that_is_not_certain_each_stays_a_chat_of_its_own(tmp_path, rows):
    found = list(convert(write(tmp_path / "f.jsonl", rows)))
    assert len(found) == 3 and [each.origin.record for each in found] in ([1, 2, 3], [1, 3, 2])
    assert not any("rows_grouped" in each.repairs for each in found if isinstance(each, Conversation))


def test_what_belongs_to_all_of_a_conversation_or_to_one_reply_is_kept(tmp_path):
    tools = [json.dumps([{"name": "look"}])] * 3
    rows = changed(
        system=["Be kind."] * 3, tools=tools, train=[0, 1, 1], reasoning=["Hm.", "", ""], input=["i", "", ""]
    )
    first, _ = convert(write(tmp_path / "f.jsonl", rows))
    assert [m.content for m in first.messages] == ["Be kind.", "a\ni", "b", "c", "d"] and "look" in first.tools[0]
    assert [(m.train, m.reasoning) for m in first.messages[2::2]] == [(False, "Hm."), (True, None)]


@pytest.mark.parametrize("order", ["", "Nr"])
def test_by_columns_that_a_person_names(tmp_path, home, order):
    usual = {"conversation_id": "Fall", "turn": "Nr", "prompt": "Frage", "response": "Antwort"}
    rows = [{usual[k]: v for k, v in row.items()} for row in changed(turn=[2, 1, 1])]
    columns = Columns.parse(
        ["prompt=Frage", "reply=Antwort", "conversation=Fall", *([f"order={order}"] if order else [])]
    )
    path = write(tmp_path / "f.csv", rows)
    assert said(path, columns=columns) == [("cdab" if order else "abcd"), "ef"]
    staged = build.stage([build.SourceFile(path, path.name)], reading=Reading(columns=columns))
    assert staged.report["repaired"]["rows_grouped"] == 1 and staged.report["kept"] == 2
    wrong = Columns.parse(["prompt=Frage", "reply=Antwort", "conversation=fall"])
    assert said(path, columns=wrong) == ["no_column"] * 3


def test_a_rejected_conversation_can_be_mended_as_the_record_that_it_became(tmp_path):
    rows = [{"Fall": row["conversation_id"], "F": row["prompt"], "A": ""} for row in ROWS]
    reading = Reading(columns=Columns(prompt="F", reply="A", conversation="Fall"))
    problem = next(convert(write(tmp_path / "f.csv", rows), reading=reading))
    mended = json.loads(problem.record)
    mended["messages"][1]["content"], mended["messages"][3]["content"] = "b", "d"
    assert [m.content for m in convert_record(mended, problem.origin, reading).messages] == ["a", "b", "c", "d"]


def test_a_table_of_other_names_is_guessed_with_its_conversation():
    rows = [
        {
            "chat_id": number // 2,
            "created_at": f"2024-01-01 10:0{number}",
            "Frage": f"Was ist {number}?",
            "Antwort": "Das.",
        }
        for number in range(6)
    ]
    found, why = guess(rows)
    assert (found.prompt, found.reply, found.conversation, found.order) == ("Frage", "Antwort", "chat_id", "created_at")
    assert "chat_id" in why
    alone, _ = guess([{**row, "chat_id": number} for number, row in enumerate(rows)])
    assert alone.conversation == alone.order == ""


def test_a_file_that_is_read_in_parts_is_read_in_one_where_its_rows_are_grouped(tmp_path):
    others = [{"conversation_id": number, "prompt": "e", "response": "f"} for number in range(300)]
    path, part = write(tmp_path / "f.jsonl", [*ROWS[::2], *others, ROWS[2] | {"turn": 3}]), Part(None, 1, LOOKED_AT)
    found = list(convert(path, part=part))
    assert len(found) == 301 and len(found[0].messages) == 6 and part.stopped is None
