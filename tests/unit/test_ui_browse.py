"""The Conversations panel's events with real files, a real home and no browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ft.dataset import build, versions
from ft.dataset.draft import Turn
from ft.ui import data_browse_events as events
from ft.ui import data_editor

ALL = ("", "", "", "", "file", None, None, None)  # text, side, kind, file, order, shortest, longest, only
PAGE = ("place", "number", "back", "further", "start", "rows", "scope", "narrowed", "why")


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> versions.Version:
    rows = [{"instruction": f"Question {n}?", "output": f"Answer {n}."} for n in range(12)]
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return build.save(build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")]), "chats")


def page(updates: tuple[Any, ...]) -> dict[str, Any]:
    slots = updates[len(PAGE) :]
    view = dict(zip(PAGE, updates, strict=False))
    view["chats"] = [slots[3 * n + 1] for n in range(events.PAGE) if slots[3 * n].visible]
    view["ticked"] = [slots[3 * n + 2].value for n in range(len(view["chats"]))]
    view["refused"] = updates[-1]["value"] if updates[-1]["visible"] else ""
    return view


def first(**filters: Any) -> dict[str, Any]:
    names = ("text", "side", "kind", "file", "order", "shortest", "longest", "only")
    given = dict(zip(names, ALL, strict=True)) | filters
    return page(events.find("chats", "", *given.values(), []))


def test_the_first_page_is_shown_and_pages_end_at_their_ends(chats):
    view = page(events.show("chats", "", *ALL))
    assert view["rows"] == [0, 1, 2, 3, 4] and "12 conversations" in view["place"] and "1 to 5 of 12" in view["number"]
    assert len(view["chats"]) == 5 and "Question 0?" in view["chats"][0]
    assert not view["back"].interactive and view["further"].interactive
    view = page(events.page_after("chats", "", *ALL, 5, []))
    assert view["rows"] == [10, 11] and len(view["chats"]) == 2 and not view["further"].interactive
    view = page(events.page_before("chats", "", *ALL, 3, []))
    assert view["rows"] == [0, 1, 2, 3, 4]
    view = page(events.page_after("chats", "", *ALL, 500, []))
    assert view["rows"] == [10, 11]


def test_filters_show_what_passes_and_say_of_how_many(chats):
    assert first(text="question 7")["rows"] == [7] and "1 of 12" in first(text=" QUESTION 7 ")["place"]
    assert first(shortest=22)["rows"] == [10, 11] and first(longest=20)["rows"] == [0, 1, 2, 3, 4]
    held_out = first(side="validation")["rows"]
    assert len(held_out) == chats.count("validation") > 0
    assert "No conversation passes" in first(text="nowhere")["place"] and first(text="nowhere")["chats"] == []
    view = first(only=("found", [3, 9]))
    assert view["rows"] == [3, 9] and view["narrowed"].visible and "check-up" in view["why"]


def test_what_is_chosen_stays_ticked_on_other_pages_and_is_deleted_together(chats):
    chosen, scope = events.choose(True, [], [0, 1, 2, 3, 4], place=2)
    chosen, scope = events.choose(True, chosen, [5, 6, 7, 8, 9], place=0)
    assert chosen == [2, 5] and scope.choices[0][0] == "The 2 conversations chosen"
    assert page(events.page_after("chats", "", *ALL, 0, chosen))["ticked"] == [True, False, False, False, False]
    _, edited, place = events.delete_many("chats", "", *ALL, "chosen", chosen)
    assert edited and not place["visible"]
    left = [chat.messages[0].content for chat in versions.find("chats").conversations()]
    assert left == [f"Question {n}?" for n in range(12) if n not in (2, 5)]
    view = page(events.show_again("chats", "", *ALL, 5, chosen))
    assert view["rows"] == [5, 6, 7, 8, 9] and not any(view["ticked"])


def test_all_that_pass_the_filters_are_marked_together(chats):
    filters = ("question 1", *ALL[1:])  # 1, 10 and 11
    events.mute_many("chats", "", *filters, "found", [])
    assert first(kind="untrained")["rows"] == [1, 10, 11]
    *_, place = events.mute_many("chats", "", *filters, "found", [])
    assert "marked so already" in place["value"]
    events.unmute_many("chats", "", *filters, "found", [])
    assert first(kind="untrained")["rows"] == []
    *_, place = events.delete_many("chats", "", *ALL, "chosen", [])
    assert "none is chosen" in place["value"]


def test_a_turn_is_edited_added_and_removed_in_the_form(chats):
    editing, _ = events.edit("chats", "", [7], place=0)
    assert [turn.content for turn in editing.draft.turns] == ["Question 7?", "Answer 7."]
    fields = ["user", "Question 7?", True, "", "", "", "", "assistant", "Better.", True, "", "", "", "", ""]
    more = data_editor.with_one_more(editing, *fields)
    assert [turn.content for turn in more.draft.turns] == ["Question 7?", "Better.", ""] and more.row == 7
    assert data_editor.without(2, more, *fields[:-1], *["user", "", True, "", "", "", ""], "").draft.turns == (
        Turn("user", "Question 7?"),
        Turn("assistant", "Better."),
    )
    done, _, edited, place = data_editor.kept("chats", "", editing, *fields)
    assert done is None and edited and not place["visible"]
    changed = list(versions.find("chats").conversations())[7]
    assert changed.messages[1].content == "Better." and changed.origin == editing.origin


def test_what_is_no_conversation_is_refused_in_the_form_and_nothing_changes(chats):
    editing = events.write_new()
    _, _, _, place = data_editor.kept("chats", "", editing, *["user", "", True, "", "", "", ""], "")
    assert "turn 1" in place["value"] and versions.find("chats").version == "v1"


def test_a_conversation_is_written_doubled_and_deleted(chats):
    fields = ["user", "New?", True, "", "", "", "", "assistant", "Yes.", True, "", "", "", "", ""]
    data_editor.kept("chats", "", events.write_new(), *fields)
    events.double("chats", "", [12], place=0)
    assert first(text="new?")["rows"] == [12, 13]
    events.delete("chats", "", [0], place=0)
    assert first(text="new?")["rows"] == [11, 12] and versions.find("chats").version == "v4"


def test_an_upload_that_is_not_saved_is_edited_in_place(home, tmp_path):
    rows = [{"instruction": f"Question {n}?", "output": "A."} for n in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    staged = build.stage([build.SourceFile(tmp_path / "a.jsonl", "a.jsonl")])
    id, _, place = events.delete("", staged.id, [1], place=0)
    assert id != staged.id and not place["visible"]
    assert [chat.messages[0].content for chat in build.open_staged(id).conversations()] == [
        "Question 0?",
        "Question 2?",
    ]
