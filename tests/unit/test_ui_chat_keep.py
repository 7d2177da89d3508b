"""A chat is added to a dataset as an example, with its last reply put right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from formats.conversation import Message
from ft.dataset import build, versions
from ft.ui import alerts, api_data, chat_keep
from ft.ui.chat_keep import Example
from ft.ui.chat_turns import Side


def turn(user: str, tuned: str, reason: str = "stop", base: str = "I.") -> dict[str, Any]:
    return {"user": user, "base": {"text": base, "reason": "stop"}, "tuned": {"text": tuned, "reason": reason}}


TURNS = [turn("Who are you?", "Wick."), turn("Really?", "Ahoy", base="Yes.")]
WHERE = ("run-1", "final")


def follow(turns: list[dict[str, Any]], box: str = "", example: Example | None = None, side: Side = "tuned") -> Any:
    """What the box shows, its question, the earlier replies offered, and what it is of."""
    kept = {"run-1/final": turns}
    before = example or Example()
    shown, asked, earlier, after, _, *unsaid = chat_keep.follow(*WHERE, kept, side, box, before)
    assert unsaid == ["", alerts.hidden()]  # what was said or refused of another chat is gone
    skipped = shown == gr.skip()
    offered = None if earlier == gr.skip() else [text for text, _ in earlier.constructor_args["choices"]]
    return box if skipped else shown, asked, offered, before if after == gr.skip() else after


def add(example: Example, reply: str, learnt: tuple[int, ...] = (), dataset: str | None = "chats") -> Any:
    return chat_keep.added(example, example.mark, list(learnt), "Be a keeper.", reply, dataset)


def test_a_reply_that_the_page_drew_of_an_earlier_question_is_not_added_to_a_newer_one(chats):
    *_, before = follow(TURNS[:1])
    *_, now = follow(TURNS, box=before.written, example=before)
    added = chat_keep.added(now, before.mark, [], "", before.written, "chats")
    assert "another one since the page drew it" in str(added) and versions.find("chats").version == "v1"


def last_added() -> tuple[Message, ...]:
    return list(versions.find("chats").conversations())[-1].messages


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> versions.Version:
    rows = [{"instruction": f"Question {n}?", "output": f"Answer {n}."} for n in range(4)]
    rows += [{"instruction": "question 3?", "output": "answer 3."}]
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return build.save(build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")]), "chats")


@pytest.mark.parametrize("side", ["tuned", "base"])
@pytest.mark.parametrize(
    "after",
    [
        [*TURNS, turn("And now?", "Rain", base="Sun.")],
        [TURNS[0], turn("Really?", "Aye, another", base="No.")],
        [turn("Somebody else?", "Yes", base="Another run.")],
        [],
    ],
    ids=["another question", "retry", "another checkpoint", "clear"],
)
def test_the_box_has_the_last_reply_whatever_came_since_it_was_opened(after, side):
    box, asked, _, example = follow(TURNS, side=side)
    assert box == TURNS[-1][side]["text"] and "Really?" in asked
    box, asked, _, example = follow(after, box, example, side)
    assert box == (after[-1][side]["text"] if after else "")
    assert (after[-1]["user"] if after else "") in asked and list(example.turns) == after


def test_the_other_side_s_reply_is_offered_where_it_is_asked_for():
    box, _, _, example = follow(TURNS)
    box, _, offered, example = follow(TURNS, box, example, "base")
    assert (box, offered) == ("Yes.", ["1. I."])


def test_a_reply_that_was_put_right_stays_with_its_question_until_it_is_added(chats):
    _, _, _, example = follow(TURNS)
    box, _, _, example = follow([*TURNS, turn("And now?", "Rain")], "Aye, I am.", example)
    assert box == "Aye, I am."
    example, words, edited, place = add(example, box)
    assert "version 2" in words and edited and not place["visible"]
    assert [message.content for message in last_added()[-2:]] == ["Really?", "Aye, I am."]
    assert follow([*TURNS, turn("And now?", "Rain")], box, example)[0] == "Rain"
    assert versions.find("chats").source["edit"] == "A conversation added by chatting"


def test_earlier_replies_are_context_unless_each_is_confirmed(chats):
    _, _, offered, example = follow([turn("Hi", "Ahoy."), *TURNS])
    assert offered == ["1. Ahoy.", "2. Wick."]
    add(example, "Aye, I am.", learnt=(1,))
    assert last_added() == (
        Message("system", "Be a keeper."),
        Message("user", "Hi"),
        Message("assistant", "Ahoy.", train=False),
        Message("user", "Who are you?"),
        Message("assistant", "Wick."),
        Message("user", "Really?"),
        Message("assistant", "Aye, I am."),
    )


NOT_WHOLE = pytest.mark.parametrize("reason", ["length", "cancelled", ""])


@NOT_WHOLE
def test_an_earlier_reply_that_was_stopped_or_cut_is_never_learnt(chats, reason):
    _, _, offered, example = follow([turn("Hi", "Ahoy, trav", reason), *TURNS])
    assert offered == ["2. Wick."]
    add(example, "Aye, I am.", learnt=(0, 1))
    assert [message.train for message in last_added() if message.role == "assistant"] == [False, True, True]


@NOT_WHOLE
def test_a_last_reply_that_was_stopped_or_cut_is_learnt_once_it_has_an_end(chats, reason):
    box, _, _, example = follow([turn("Hi", "Ahoy, trav", reason)])
    *_, place = add(example, f"{box} ")
    assert "its end is missing" in place["value"] and versions.find("chats") == chats
    *_, place = add(example, f"{box}eller.")
    assert not place["visible"] and last_added()[-1] == Message("assistant", "Ahoy, traveller.")


def test_a_question_that_was_never_answered_is_left_out(chats):
    _, _, offered, example = follow([turn("Hi", "", "cancelled"), *TURNS])
    assert offered == ["2. Wick."]
    add(example, "Aye.")
    assert [message.content for message in last_added() if message.role == "user"] == ["Who are you?", "Really?"]


@pytest.mark.parametrize(
    ("turns", "reply", "dataset", "said"),
    [([], "x", "chats", "nothing was said"), (TURNS, "  ", "chats", "empty"), (TURNS, "x", None, "none to add it to")],
)
def test_what_cannot_be_added_is_said(chats, turns, reply, dataset, said):
    *_, place = add(follow(turns)[-1], reply, dataset=dataset)
    assert said in place["value"] and versions.find("chats") == chats


def test_the_dataset_that_the_run_learnt_from_is_offered_first(chats):
    dataset, add = chat_keep.datasets(None)
    assert (dataset.value, add.interactive) == ("chats", True)


def test_where_there_is_no_dataset_nothing_can_be_added_and_it_is_said_why(home):
    dataset, add = chat_keep.datasets(None)
    assert dataset.value is None and not add.interactive and "Data tab" in dataset.info


def test_scripts_remove_duplicates_combine_and_undo(chats):
    assert api_data.dedup("chats", dry_run=True)["groups"] == [{"rows": [4, 5], "kind": "same", "similarity": 1.0}]
    assert api_data.dedup("chats")["removed"] == 1
    assert api_data.undo("chats")["kept"] == 5 and api_data.redo("chats")["kept"] == 4
    assert api_data.combine(["chats", "chats@v1:max=2"], "both")["kept"] == 6
