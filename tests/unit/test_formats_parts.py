"""A text in parts is one text: parts that were cut out of a line go on, others stand on lines of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from formats.columns import Columns
from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.notes import Notes
from formats.reading import Reading

HERE = Origin("f", 1)
ASK = {"role": "user", "content": "Q"}
# The texts of the parts, and of the whole.
PARTS = [
    (["Great to meet ", "you."], "Great to meet you."),
    (["Read", " this"], "Read this"),
    (["One.\n", "Two."], "One.\nTwo."),
    (["One.", "\n\nTwo."], "One.\n\nTwo."),
    (["One.", "\n\n", "Two."], "One.\n\nTwo."),
    (["a ", "", "b"], "a b"),
    (["One.", "Two."], "One.\nTwo."),
    (["One.", "", "Two."], "One.\nTwo."),
]


def read(record: object, **reading: Any) -> Conversation:
    found = convert_record(record, HERE, Reading(**reading))
    assert isinstance(found, Conversation), found
    return found


WAYS = {
    "typed parts": lambda texts: {"content": [{"type": "text", "text": text} for text in texts]},
    "parts with a text alone": lambda texts: {"parts": [{"text": text} for text in texts]},
    "plain texts": lambda texts: {"content": list(texts)},
    "texts and objects": lambda texts: {"content": [texts[0], *({"type": "text", "text": text} for text in texts[1:])]},
}


@pytest.mark.parametrize(("texts", "whole"), PARTS)
@pytest.mark.parametrize("way", WAYS)
def test_parts_with_white_space_at_their_border_are_one_text_and_others_stand_on_lines_of_their_own(texts, whole, way):
    found = read({"messages": [ASK, {"role": "assistant", **WAYS[way](texts)}]})
    assert found.messages[1].content == whole and found.repairs == ()


@pytest.mark.parametrize(("texts", "whole"), PARTS)
def test_parts_of_thoughts_are_joined_alike(texts, whole):
    parts = [*({"type": "thinking", "thinking": text} for text in texts), {"type": "text", "text": "A"}]
    found = read({"messages": [ASK, {"role": "assistant", "content": parts}]})
    assert (found.messages[1].reasoning, found.messages[1].content) == (whole, "A")
    texts_of_thought = [{"type": "text", "text": text} for text in texts]
    found = read({"messages": [ASK, {"role": "assistant", "content": "A", "reasoning": texts_of_thought}]})
    assert found.messages[1].reasoning == whole


@pytest.mark.parametrize(("texts", "whole"), PARTS)
def test_parts_of_an_export_of_chatgpt_are_joined_alike(texts, whole):
    nodes = {
        str(n): {
            "parent": str(n - 1) if n else None,
            "message": {"author": {"role": role}, "content": {"parts": parts}},
        }
        for n, (role, parts) in enumerate([("user", ["Q"]), ("assistant", texts)])
    }
    assert read({"mapping": nodes, "current_node": "1"}).messages[1].content == whole


NO = "I can't help with that."
REFUSED = {
    "beside no text": {"content": None, "refusal": NO},
    "beside an empty text": {"content": "", "refusal": NO},
    "as a part": {"content": [{"type": "refusal", "refusal": NO}]},
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_refusal_of_openai_is_what_the_assistant_said(how):
    found = read({"messages": [ASK, {"role": "assistant", **REFUSED[how]}]})
    assert found.messages[1].content == NO


def test_a_mark_of_a_refusal_is_no_text():
    turns = [ASK, {"role": "assistant", "content": "A", "refusal": None}, ASK]
    assert (
        read({"messages": [*turns, {"role": "assistant", "content": "B", "refusal": False}]}).messages[3].content == "B"
    )
    empty = convert_record(
        {"messages": [*turns, {"role": "assistant", "content": "", "refusal": True}]}, HERE, Reading()
    )
    assert isinstance(empty, Conversation) and len(empty.messages) == 2


def test_parts_behind_columns_that_a_person_chose_are_joined_alike(tmp_path):
    chat = [{"who": "Q", "said": [{"text": "Hi"}]}, {"who": "R", "said": [{"text": "Good "}, {"text": "day"}]}]
    columns = Columns(turns="log", role="who", text="said", roles={"Q": "user", "R": "assistant"})
    assert read({"log": chat}, columns=columns).messages[1].content == "Good day"


def test_a_copy_of_the_whole_text_beside_its_parts_is_not_told_as_unread(tmp_path):
    path, notes = tmp_path / "f.jsonl", Notes()
    parts = [{"type": "text", "text": "Good "}, {"type": "text", "text": "day"}]
    chat = [ASK, {"role": "assistant", "content": parts, "copy": "Good day"}]
    path.write_text(json.dumps({"messages": chat}))
    list(convert(path, notes=notes))
    assert not notes.ignored
