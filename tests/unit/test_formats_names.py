"""What one person said never stands under another's name, and names that a template has no place for are told."""

from __future__ import annotations

import json

import pytest

from formats.columns import Columns
from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading
from ft.ui import data_view

HERE = Origin("f", 1)
AVA = {"role": "user", "name": "Ava", "content": "Tea?"}
BEN = {"role": "user", "name": "Ben", "content": "Coffee!"}
KIM = {"role": "assistant", "name": "Kim", "content": "Both."}
LOU = {"role": "assistant", "name": "Lou", "content": "None."}
IN_TEXT = {"names_in_text": True}


def read(record: object, **reading) -> Conversation | RowProblem:
    return convert_record(record, HERE, Reading(**reading))


def said(record: object, **reading) -> list[tuple[str, str | None, str]]:
    return [(m.role, m.name, m.content) for m in read(record, **reading).messages]


def renamed(turn: dict, key: str, value: object) -> dict:
    return {**{name: held for name, held in turn.items() if name != "name"}, key: value}


@pytest.mark.parametrize(
    "named",
    [
        lambda turn: turn,
        lambda turn: renamed(turn, "speaker", turn["name"]),
        lambda turn: renamed(turn, "author", turn["name"]),
        lambda turn: renamed(turn, "sender", {"id": 7, "name": turn["name"]}),
        lambda turn: renamed(turn, "role", {"role": turn["role"], "name": turn["name"]}),
        lambda turn: renamed(turn, "username", turn["name"]),
        lambda turn: renamed(turn, "user_name", turn["name"]),
        lambda turn: renamed(turn, "user", turn["name"]),
        lambda turn: renamed(turn, "user", {"id": 7, "username": turn["name"]}),
        lambda turn: renamed(turn, "displayName", turn["name"]),
        lambda turn: renamed(turn, "sender_name", turn["name"]),
        lambda turn: renamed(turn, "author", {"display_name": turn["name"], "bot": False}),
    ],
)
def test_turns_of_different_names_are_never_joined(named):
    found = read({"messages": [named(turn) for turn in (AVA, BEN, KIM, LOU)]})
    assert [(m.role, m.name, m.content) for m in found.messages] == [
        ("user", "Ava", "Tea?"),
        ("user", "Ben", "Coffee!"),
        ("assistant", "Kim", "Both."),
        ("assistant", "Lou", "None."),
    ]
    assert found.repairs == ()


def test_a_turn_without_a_name_is_not_put_under_one():
    for pair in ((AVA, renamed(BEN, "name", None)), (renamed(AVA, "name", None), BEN)):
        assert [m.name for m in read({"messages": [*pair, KIM]}).messages][:2] == [each["name"] for each in pair]


def test_turns_of_one_name_are_joined_as_before():
    found = read({"messages": [AVA, {**AVA, "content": "Now?"}, KIM]})
    assert said({"messages": [AVA, {**AVA, "content": "Now?"}, KIM]})[0] == ("user", "Ava", "Tea?\n\nNow?")
    assert found.repairs == ("turns_merged",)


@pytest.mark.parametrize("key", ["username", "user", "display_name", "nickname"])
def test_a_key_that_is_read_as_the_name_is_not_told_as_unread_and_one_beside_it_is(tmp_path, key):
    path = tmp_path / "f.jsonl"
    path.write_text(
        json.dumps({"messages": [{**renamed(turn, key, turn["name"]), "mood": "x"} for turn in (AVA, KIM)]})
    )
    notes = Notes()
    list(convert(path, notes=notes))
    assert dict(notes.ignored) == {"messages.mood": 1}


def test_of_an_object_that_tells_who_speaks_what_is_not_the_name_is_told(tmp_path):
    path = tmp_path / "f.jsonl"
    who = [renamed(turn, "user", {"id": 7, "username": turn["name"]}) for turn in (AVA, KIM)]
    path.write_text(json.dumps({"messages": who}))
    notes = Notes()
    list(convert(path, notes=notes))
    assert dict(notes.ignored) == {"messages.user.id": 1}


@pytest.mark.parametrize("key", ["user", "username"])
def test_a_role_beside_the_role_is_no_name(key):
    turns = [{**renamed(turn, key, turn["role"])} for turn in (AVA, KIM)]
    assert [name for _, name, _ in said({"messages": turns})] == [None, None]


def test_speakers_that_are_mapped_to_one_role_keep_their_names():
    record = {"log": [{"who": name, "txt": name.lower()} for name in ("Ava", "Ben", "Kim")]}
    roles = {"Ava": "user", "Ben": "user", "Kim": "assistant"}
    columns = Columns(turns="log", role="who", text="txt", roles=roles)
    assert said(record, columns=columns) == [
        ("user", "Ava", "ava"),
        ("user", "Ben", "ben"),
        ("assistant", None, "kim"),  # no other speaks for it
    ]


def test_names_are_put_before_what_is_said_where_that_is_wanted():
    found = read({"messages": [{"role": "system", "content": "Be short."}, AVA, BEN, KIM]}, repairs=IN_TEXT)
    assert [(m.role, m.name, m.content) for m in found.messages] == [
        ("system", None, "Be short."),
        ("user", None, "Ava: Tea?\n\nBen: Coffee!"),
        ("assistant", None, "Kim: Both."),
    ]
    assert found.repairs == ("names_in_text", "turns_merged")


def test_a_tool_s_name_and_turns_without_text_stay_as_they_are():
    call = {"function": {"name": "f", "arguments": "{}"}}
    turns = [AVA, {**KIM, "content": "", "tool_calls": [call]}, {"role": "tool", "name": "f", "content": "5"}, KIM]
    assert said({"messages": turns}, repairs=IN_TEXT)[1:] == [
        ("assistant", "Kim", ""),
        ("tool", "f", "5"),
        ("assistant", None, "Kim: Both."),
    ]


def test_names_that_are_not_learnt_are_counted_with_the_repair_that_would_put_them_in(tmp_path):
    path = tmp_path / "f.jsonl"
    plain = [renamed(turn, "name", None) for turn in (AVA, KIM)]
    chats = ([AVA, BEN, KIM], [AVA, KIM], plain)
    path.write_text("\n".join(json.dumps({"messages": chat}) for chat in chats))
    notes = Notes()
    assert all(isinstance(each, Conversation) for each in convert(path, notes=notes))
    assert notes.found == {"names_in_text": 2}
    notes = Notes()
    list(convert(path, reading=Reading(repairs=IN_TEXT), notes=notes))
    assert not notes.found and "Ben: Coffee!" in notes.examples["names_in_text"][0].after


def test_the_page_shows_who_speaks_by_name_and_draws_no_markup_of_it():
    drawn = data_view.bubbles([read({"messages": [AVA, {**BEN, "name": "<b>Ben"}, KIM]})], 1)
    assert "Person · Ava" in drawn and "Person · &lt;b&gt;Ben" in drawn and "Assistant · Kim" in drawn
