"""Turns in another shape are read, and where they cannot be the words say what can be done."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from formats.columns import Columns
from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading

ASK, ANSWER = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


def read(record: object, **reading: Any) -> Conversation | RowProblem:
    return convert_record(record, Origin("f", 1), Reading(**reading))


def said(found: Conversation | RowProblem) -> list[tuple[str, str]]:
    assert isinstance(found, Conversation), found
    return [(message.role, message.content) for message in found.messages]


def chat(*texts: str) -> list[tuple[str, str]]:
    return [(("user", "assistant")[place % 2], text) for place, text in enumerate(texts)]


@pytest.mark.parametrize("pair", [("input", "output"), ("prompt", "response"), ("human", "assistant"), ("q", "a")])
def test_a_list_of_pairs_is_a_chat_of_their_turns(pair):
    pairs = [dict(zip(pair, texts, strict=True)) for texts in (("Q1", "A1"), ("Q2", "A2"))]
    found = read({"conversation": pairs, "source": "x"})
    assert said(found) == chat("Q1", "A1", "Q2", "A2") and found.repairs == ()


PAIRS = [{"question": f"Q{n}", "answer": f"A{n}", "id": n} for n in (1, 2)]


def read_file(folder: Path, records: list[object], lines: bool, notes: Notes | None = None) -> list[Any]:
    file = folder / ("f.jsonl" if lines else "f.json")
    file.write_text("\n".join(map(json.dumps, records)) if lines else json.dumps(records))
    return list(convert(file, notes=notes))


@pytest.mark.parametrize("lines", [False, True], ids=["a list", "lines"])
@pytest.mark.parametrize("key", ["items", "data", "examples", "rows"])
def test_prompts_and_replies_that_are_gathered_by_topic_are_chats_of_their_own_and_their_topic_is_told(
    tmp_path, key, lines
):
    notes = Notes()
    found = read_file(tmp_path, [{"topic": "Ropes", key: PAIRS}, {"topic": "Sails", key: PAIRS[:1]}], lines, notes)
    assert [said(each) for each in found] == [chat("Q1", "A1"), chat("Q2", "A2"), chat("Q1", "A1")]
    assert notes.ignored["topic"] == 3


@pytest.mark.parametrize("lines", [False, True], ids=["a list", "lines"])
def test_what_stands_beside_gathered_prompts_is_asked_with_each(tmp_path, lines):
    found = read_file(tmp_path, [{"context": f"Text {n}", "items": PAIRS} for n in (1, 2)], lines)
    texts = [(f"Q{each}\nText {n}", f"A{each}") for n in (1, 2) for each in (1, 2)]
    assert [said(each) for each in found] == [chat(*both) for both in texts]


@pytest.mark.parametrize("lines", [False, True], ids=["a list", "lines"])
@pytest.mark.parametrize("key", ["conversation", "conversations", "turns"])
def test_pairs_of_a_conversation_are_its_turns_in_a_list_as_on_lines(tmp_path, key, lines):
    notes = Notes()
    pairs = [{"system": "Be kind.", "input": "Q1", "output": "A1"}, {"input": "Q2", "output": "A2", "note": "x"}]
    first, second = read_file(tmp_path, [{key: pairs}] * 2, lines, notes)
    assert said(first) == said(second) == [("system", "Be kind."), *chat("Q1", "A1", "Q2", "A2")]
    assert notes.ignored == {f"{key}.note": 2}


@pytest.mark.parametrize("key", ["items", "data", "chats"])
def test_pairs_of_which_only_the_shape_says_that_they_are_one_chat_are_a_repair(key):
    assert said(read({key: PAIRS})) == chat("Q1", "A1", "Q2", "A2")
    assert read({key: PAIRS}).repairs == ("pairs_joined",)
    assert read({key: PAIRS}, repairs={"pairs_joined": False}).code == "pairs_joined"


def test_an_instruction_in_a_pair_is_asked_with_its_input():
    pairs = [{"instruction": f"Do {n}", "input": f"I{n}", "output": f"A{n}"} for n in (1, 2)]
    assert said(read({"conversation": pairs})) == chat("Do 1\nI1", "A1", "Do 2\nI2", "A2")


@pytest.mark.parametrize("key", ["dialogue", "dialog", "conversation", "turns", "data"])
def test_a_list_of_texts_is_a_chat_of_two_and_a_repair(key):
    found = read({"id": "x", key: ["Q1", "A1", "Q2", "A2"]})
    assert said(found) == chat("Q1", "A1", "Q2", "A2") and found.repairs == ("texts_in_turn",)
    assert read({key: ["Q1", "A1"]}, repairs={"texts_in_turn": False}).code == "texts_in_turn"


@pytest.mark.parametrize(
    "record",
    [
        {"dialogue": ["a"]},
        {"dialogue": ["a", "b", "c"], "speakers": ["Ava", "Ben", "Kim"]},
        {"dialogue": ["a", "b", "c", "d"], "speakers": ["Ava", "Ava", "Ben", "Ben"]},
        {"items": ["milk", "eggs"]},
        {"data": ["milk", "eggs"], "shop": "x", "price": 3},
    ],
)
def test_texts_of_which_it_is_not_certain_that_two_say_them_in_turn_are_refused(record):
    assert isinstance(read(record), RowProblem)


@pytest.mark.parametrize("key", ["response", "completion", "output"])
@pytest.mark.parametrize("lines", [False, True], ids=["a list", "lines"])
def test_the_reply_beside_turns_that_end_with_the_question_is_the_last_turn(tmp_path, key, lines):
    notes = Notes()
    record = {"messages": [ASK, ANSWER, {**ASK, "content": "Q2"}], key: "A2", "id": "x"}
    (found, _) = read_file(tmp_path, [record, record], lines, notes)
    assert said(found) == chat("Q", "A", "Q2", "A2") and found.repairs == ("reply_beside",)
    assert notes.ignored == {"id": 2}
    assert read(record, repairs={"reply_beside": False}).code == "reply_beside"
    whole = {"messages": [ASK, ANSWER], key: "A2"}
    assert said(read(whole)) == chat("Q", "A") and not read(whole).repairs


def test_a_request_and_its_response_are_not_two_records(tmp_path):
    log = {"request": {"messages": [ASK]}, "response": {"choices": [{"message": ANSWER}]}}
    for records in ([log], [log, log]):
        found = read_file(tmp_path, records, lines=True)
        assert [each.origin.record for each in found] == list(range(1, len(records) + 1))


def test_two_models_replies_are_not_joined():
    turns = [ASK, {**ANSWER, "model": "m1"}, {**ANSWER, "content": "B", "model": "m2"}]
    found = read({"messages": turns})
    assert isinstance(found, RowProblem) and "two models (m1 and m2)" in found.problem
    same = [ASK, {**ANSWER, "model": "m1"}, {**ANSWER, "content": "B", "model": "m1"}]
    assert said(read({"messages": same})) == [*chat("Q"), ("assistant", "A\n\nB")]


@pytest.mark.parametrize(
    ("record", "columns"),
    [
        ({"context": [ASK, ANSWER], "question": "Q", "answer": "A"}, None),
        ({"instruction": "Answer", "input": [ASK, ANSWER], "output": "A"}, None),
        ({"asked": [ASK, ANSWER, ASK], "said": "A"}, Columns(prompt="asked", reply="said")),
        ({"asked": [{"from": "human", "value": "Q"}], "said": "A"}, Columns(prompt="asked", reply="said")),
    ],
)
def test_turns_in_the_place_of_one_text_are_not_glued_together(record, columns):
    found = read(record, columns=columns)
    assert isinstance(found, RowProblem) and found.code == "turns_as_text" and "--map turns=" in found.fix


def test_a_list_of_texts_that_a_person_chose_is_read():
    assert said(read({"items": ["Q", "A"]}, columns=Columns(turns="items"))) == chat("Q", "A")


def test_texts_in_an_object_and_parts_of_a_line_are_texts():
    thread = [{"type": "text", "text": {"value": "Hello", "annotations": []}}]
    assert said(read({"messages": [ASK, {**ANSWER, "content": thread}]})) == chat("Q", "Hello")
    line = ["See (", {"type": "link", "text": "a.org"}, ") ", {"type": "bold", "text": "now"}, "!"]
    assert said(read({"messages": [{**ASK, "content": line}, ANSWER]})) == chat("See (a.org) now!", "A")


def test_what_was_done_in_a_chat_and_nobody_said_is_left_out():
    done = {"id": 1, "type": "service", "actor": "Ava", "action": "create_group", "text": ""}
    found = read({"messages": [done, ASK, {**done, "action": "pin_message"}, ANSWER]})
    assert said(found) == chat("Q", "A") and found.repairs == ("empty_turn_removed",)


@pytest.mark.parametrize("key", ["from", "author"])
@pytest.mark.parametrize("who", [str, lambda name: {"id": "7", "name": name, "isBot": False}])
def test_a_name_in_place_of_a_role_is_told_with_the_words_that_say_whose_it_is(key, who):
    turns = [{key: who(name), "content": text} for name, text in (("Ava B", "Q"), ("Bot", "A"))]
    turns[1][key] = who("Kim")
    problem = read({"messages": turns})
    assert problem.code == "unknown_role"
    words = [word for word in shlex.split(problem.fix.partition("for example: ")[2]) if word != "--map"]
    assert words == ["turns=messages", f"role={key}", "text=content", "role.Ava B=user", "role.Kim=assistant"]
    assert said(read({"messages": turns}, columns=Columns.parse(words))) == chat("Q", "A")


def test_an_object_without_a_name_is_no_role_and_not_shown_as_one():
    problem = read({"messages": [{"author": {"id": 7}, "content": "Q"}, ANSWER]})
    assert problem.code == "unknown_role" and "{" not in problem.problem and problem.fix


NEWEST_FIRST = [{**ANSWER, "created_at": 4}, {**ASK, "created_at": 3}]


def test_a_list_that_stands_newest_first_is_put_in_order(tmp_path):
    older = [{**ANSWER, "content": "A0", "created_at": 2}, {**ASK, "content": "Q0", "created_at": 1}]
    found = read({"messages": [*NEWEST_FIRST, *older]})
    assert said(found) == chat("Q0", "A0", "Q", "A") and found.repairs == ("turns_sorted",)
    waiting = [{**ASK, "content": "Q2", "created_at": 5}, *NEWEST_FIRST]
    assert said(read({"messages": waiting})) == chat("Q", "A")
    numbered = [{**turn, "turn": n} for turn, n in zip((*NEWEST_FIRST, *older), (2, 1, 4, 3), strict=True)]
    assert said(read({"messages": numbered})) == chat("Q", "A", "Q0", "A0")
    assert read({"messages": NEWEST_FIRST}, repairs={"turns_sorted": False}).code == "turns_sorted"


def test_an_order_that_a_chat_may_have_stays_as_it_is():
    chats = [{**ASK, "time": 9}, {**ANSWER, "time": 3}], [{**ASK, "index": 0}, {**ANSWER, "index": 0}]
    for turns in chats:
        found = read({"messages": turns})
        assert said(found) == chat("Q", "A") and found.repairs == ()


def test_where_the_prompt_stands_behind_its_reply_that_is_said():
    problem = read({"messages": [ANSWER, ASK]})
    assert problem.code == "no_prompt" and "newest first" in problem.fix
    problem = read({"messages": [ANSWER]})
    assert problem.code == "no_prompt" and "Add the user's turn" in problem.fix


def test_a_prompt_that_is_empty_is_named_as_what_is_missing():
    for content in ("", "  \n", None):
        turns = [{"role": "user", "content": content}, {"role": "assistant", "content": "A"}]
        problem = read({"messages": turns})
        assert problem.code == "no_prompt" and "the user's turn that its reply answers is empty" in problem.problem
        assert "Write that turn" in problem.fix


def test_a_turn_of_other_keys_is_told_what_it_needs(tmp_path):
    path = tmp_path / "f.json"
    path.write_text(json.dumps([{"messages": [{"x": "Q"}, ANSWER]}]))
    (problem,) = convert(path)
    assert problem.code == "no_role_or_text" and "under role" in problem.fix and "under content" in problem.fix
