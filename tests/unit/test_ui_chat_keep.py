"""A chat is added to a dataset as an example, with its last reply put right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from formats.conversation import Message
from ft.dataset import build, versions
from ft.ui import api_data, chat_keep

TURNS = [
    {"user": "Who are you?", "base": {"text": "An AI."}, "tuned": {"text": "Wick."}},
    {"user": "Really?", "base": {"text": "Yes."}, "tuned": {"text": "Ahoy"}},
]
KEPT = {"run-1/final": TURNS}
TALK = ("run-1", "final", KEPT)


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> versions.Version:
    rows = [{"instruction": f"Question {n}?", "output": f"Answer {n}."} for n in range(4)]
    rows += [{"instruction": "question 3?", "output": "answer 3."}]
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return build.save(build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")]), "chats")


def test_the_last_reply_of_either_side_is_offered_to_be_corrected(chats):
    reply, datasets, _ = chat_keep.opened(*TALK, "tuned")
    assert reply == "Ahoy" and datasets.value == "chats"
    assert chat_keep.opened(*TALK, "base")[0] == "Yes."
    assert chat_keep.opened(None, None, None, "tuned")[0] == ""


def test_the_chat_is_added_with_the_reply_as_it_should_be(chats):
    words, edited, place = chat_keep.added(*TALK, "tuned", "Be a keeper.", "Aye, I am.", "chats")
    assert "version 2" in words and edited and not place["visible"]
    added = list(versions.find("chats").conversations())[-1]
    assert added.messages == (
        Message("system", "Be a keeper."),
        Message("user", "Who are you?"),
        Message("assistant", "Wick."),
        Message("user", "Really?"),
        Message("assistant", "Aye, I am."),
    )
    assert versions.find("chats").source["edit"] == "A conversation added by chatting"


@pytest.mark.parametrize(
    ("kept", "reply", "dataset", "said"),
    [({}, "x", "chats", "nothing was said"), (KEPT, "  ", "chats", "empty"), (KEPT, "x", None, "none to add it to")],
)
def test_what_cannot_be_added_is_said(chats, kept, reply, dataset, said):
    *_, place = chat_keep.added("run-1", "final", kept, "tuned", "", reply, dataset)
    assert said in place["value"] and versions.find("chats") == chats


def test_scripts_remove_duplicates_combine_and_undo(chats):
    assert api_data.dedup("chats", dry_run=True)["groups"] == [{"rows": [4, 5], "kind": "same", "similarity": 1.0}]
    assert api_data.dedup("chats")["removed"] == 1
    assert api_data.undo("chats")["kept"] == 5 and api_data.redo("chats")["kept"] == 4
    assert api_data.combine(["chats", "chats@v1:max=2"], "both")["kept"] == 6
