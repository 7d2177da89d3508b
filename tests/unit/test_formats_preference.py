"""Ranking data is refused by name with what to type, and its good answers are kept where that is wanted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading

KEEP = Reading(repairs={"good_answers_kept": True})
HH = {
    "chosen": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: A list?\n\nAssistant: Yes:\n\n- one\n- Human: two",
    "rejected": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: A list?\n\nAssistant: No",
}
OPENAI = {
    "input": {"messages": [{"role": "user", "content": "Hi"}], "tools": [], "parallel_tool_calls": True},
    "preferred_output": [{"role": "assistant", "content": "Good"}],
    "non_preferred_output": [{"role": "assistant", "content": "Bad"}],
}


def read(record: object, reading: Reading = KEEP) -> Conversation | RowProblem:
    return convert_record(record, Origin("f", 1), reading)


def said(found: Conversation | RowProblem) -> list[str]:
    assert isinstance(found, Conversation), found
    return [f"{message.role}: {message.content}" for message in found.messages]


@pytest.mark.parametrize("record", [HH, OPENAI, {"prompt": "a", "chosen": "b", "rejected": "c"}])
def test_ranking_data_is_refused_by_name_with_the_option_that_keeps_the_good_answers(record):
    problem = read(record, Reading())
    assert isinstance(problem, RowProblem) and problem.code == "ranking_data"
    assert problem.field in record and "--repair good_answers_kept" in problem.fix


def test_a_chat_in_one_text_gives_its_turns():
    assert said(read(HH)) == [
        "user: Hi",
        "assistant: Hello.",
        "user: A list?",
        "assistant: Yes:\n\n- one\n- Human: two",
    ]


@pytest.mark.parametrize("text", ["Hello", "Assistant: Hello", "\n\nHuman: Hi", "Say:\n\nHuman: Hi\n\nAssistant: Yo"])
def test_a_text_that_is_no_whole_chat_is_no_prompt_and_reply(text):
    assert isinstance(read({"chosen": text, "rejected": "x"}), RowProblem)
    kept = read({"prompt": "Write it.", "chosen": text, "rejected": "x"})
    assert said(kept) == ["user: Write it.", f"assistant: {text}"]


def test_a_chat_in_the_answer_to_a_prompt_stays_as_it_is_written():
    assert len(read({"prompt": "Write one.", **HH}).messages) == 2


def test_files_of_preferences_as_openai_has_them_are_known(tmp_path):
    assert said(read(OPENAI)) == ["user: Hi", "assistant: Good"]
    path, notes = tmp_path / "f.jsonl", Notes()
    path.write_text(json.dumps(OPENAI))
    assert len(list(convert(path, reading=KEEP, notes=notes))) == 1
    assert dict(notes.ignored) == {"parallel_tool_calls": 1}


def test_a_repair_that_is_off_is_named_as_it_is_typed():
    merged: dict[str, Any] = {
        "messages": [{"role": "user", "content": "a"}] * 2 + [{"role": "assistant", "content": "b"}]
    }
    assert "--repair turns_merged" in read(merged, Reading(repairs={"turns_merged": False})).fix
    weighed = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0.5}]}
    assert "--repair weight_as_one" in read(weighed, Reading()).fix
