"""Two turns side by side are not one where their numbers say that one is missing, or that both are versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from formats.columns import Columns
from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.problems import RowProblem
from formats.reading import Reading

ROLES = {"u": "user", "a": "assistant"}


def turns(said: str, key: str = "turn") -> list[dict[str, Any]]:
    """The turns of "u1 a2 a4": who speaks, and the number."""
    return [{"role": ROLES[each[0]], "content": each, key: int(each[1:])} for each in said.split()]


def read(turns: list[dict[str, Any]], **reading: Any) -> Conversation | RowProblem:
    return convert_record({"messages": turns}, Origin("f", 1), Reading(**reading))


def said(found: Conversation | RowProblem) -> str:
    assert isinstance(found, Conversation), found
    return " ".join(message.content.replace("\n\n", "+") for message in found.messages)


# What stands in the file, and what is kept of it.
GAPS = {
    "u1 a2 a4 u5 a6": "u1 a2",
    "u0 a1 a3": "u0 a1",
    "u1 a2 u3 u5 a6": "u1 a2",
    "u11 a12 u13 a14 a16 u17": "u11 a12 u13 a14",
}
NO_GAPS = {
    "u1 a2 a3": "u1 a2+a3",
    "u1 a2 u4 a5": "u1 a2 u4 a5",  # a turn is gone, and nothing stands where it was
    "u1 a5 a9 u14 a20": "u1 a5+a9 u14 a20",  # they count the messages of a whole file
    "u1 a2 a9": "u1 a2+a9",
    "u4 a3 a1": "u4 a3+a1",
}


@pytest.mark.parametrize(("chat", "kept"), GAPS.items())
@pytest.mark.parametrize("key", ["turn", "turn_index", "messageNumber", "position"])
def test_turns_across_a_gap_of_their_numbers_are_never_joined(chat, kept, key):
    found = read(turns(chat, key))
    assert said(found) == kept and "cut_at_missing_turn" in found.repairs and "turns_merged" not in found.repairs
    assert read(turns(chat, key), repairs={"cut_at_missing_turn": False}).code == "cut_at_missing_turn"


@pytest.mark.parametrize(("chat", "kept"), NO_GAPS.items())
def test_numbers_that_tell_no_gap_change_nothing(chat, kept):
    found = read(turns(chat))
    assert said(found) == kept and "cut_at_missing_turn" not in found.repairs


def test_people_of_two_names_are_not_parted():
    chat = [{**turn, "name": name} for turn, name in zip(turns("u1 u3 a4"), ("Ava", "Ben", "Kim"), strict=True)]
    assert said(read(chat)) == "u1 u3 a4"


@pytest.mark.parametrize("columns", [None, Columns(conversation="fall", order="nr", role="wer", text="was")])
def test_the_rows_of_a_conversation_are_looked_at_alike(tmp_path, columns):
    names = {"role": "wer", "content": "was", "turn": "nr"} if columns else {}
    key = "fall" if columns else "chat_id"
    rows = [
        {key: chat, **{names.get(name, name): str(value) for name, value in turn.items()}}
        for chat, said in (("x", "u1 a2 a4 u5 a6"), ("y", "u1 a2"))
        for turn in turns(said)
    ]
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    first, second = convert(path, reading=Reading(columns=columns))
    assert (said(first), said(second)) == ("u1 a2", "u1 a2")
    assert first.repairs == ("rows_grouped", "cut_at_missing_turn")


VERSIONS = [
    [{"turn": 1}, {"turn": 2}, {"turn": 2}],
    [{"turn": 1}, {"turn": 1}, {"turn": 1}],
    [{"index": 0}, {"index": 1}, {"index": 1}],
    [{"turn": 1}, {"turn": 1, "regeneration": 0}, {"turn": 1, "regeneration": 1}],
    [{}, {"regeneration": 0}, {"regeneration": 1}],
    [{}, {"attempt": 1}, {"attempt": 2}],
    [{}, {"id": "x", "swipe_id": 0}, {"id": "y", "swipe_id": 1}],
]


@pytest.mark.parametrize("more", VERSIONS)
def test_two_versions_of_a_reply_are_refused_by_name(more):
    chat = [{**turn, **each} for turn, each in zip(turns("u1 a2 a3", "n"), more, strict=True)]
    problem = read(chat)
    assert isinstance(problem, RowProblem) and (problem.code, problem.turn) == ("bad_tree", 3)
    assert "two replies" in problem.problem and problem.fix


def test_a_thought_a_call_or_one_choice_of_all_is_no_version_of_a_reply():
    same = [
        {"role": "user", "content": "u", "index": 0},
        *({"role": "assistant", "content": c, "index": 0} for c in "ab"),
    ]
    assert said(read(same)) == "u a+b"
    thought = {"role": "assistant", "content": "", "reasoning": "hm", "turn": 2}
    assert said(read([*turns("u1"), thought, *turns("a2")])) == "u1 a2"
    named = [{**turn, "name": name} for turn, name in zip(turns("u1 a2 a2"), ("Ava", "Kim", "Lou"), strict=True)]
    assert said(read(named)) == "u1 a2 a2"
