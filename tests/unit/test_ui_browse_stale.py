"""The Conversations panel where what a person sees is older than what is there: nothing is taken for something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from test_ui_browse import ALL, at, first, page, twelve

from ft.dataset import build, edit, near, staging, versions
from ft.dataset.change import deletion
from ft.errors import UserError
from ft.ui import api_data, data_editing, data_near
from ft.ui import data_browse_events as events
from ft.ui.data_shown import on_card


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> versions.Version:
    return twelve(tmp_path)


def on_one(dataset: str, drawn: events.Shown) -> tuple[Any, ...]:
    """The answers to what is pressed on the first card of a page."""
    return (
        events.delete(dataset, "", drawn, place=0),
        events.copy(dataset, "", drawn, place=0),
        data_editing.edit(dataset, "", drawn, None, place=0),
    )


def on_many(dataset: str, drawn: events.Shown, found: tuple[str, list[near.Group]]) -> tuple[Any, ...]:
    """The answers to what is pressed for the whole of a page, or for what was found."""
    return (
        events.delete_many(dataset, "", drawn, [1]),
        events.mute_many(dataset, "", drawn, [1]),
        events.choose_all(dataset, "", drawn, []),
        events.page_after(dataset, "", drawn, [1]),
        events.find(dataset, "", *ALL, drawn, [1]),
        data_near.keep_one(dataset, "", found),
    )


def test_rows_of_what_is_not_looked_at_any_more_are_not_taken_for_others(chats, tmp_path):
    found = (str(chats.path), [near.Group((0, 1), "near", 0.9)])
    drawn = next(each for each in events.show("chats", "", None, events.Shown()) if isinstance(each, events.Shown))
    api_data.dedup("chats")  # nothing to remove: it is the same version
    assert "refused" not in page(events.page_after("chats", "", drawn, []))["refused"]
    edit.apply(chats, deletion([0]))  # in another tab of the browser, or by a script
    for refused in on_many("chats", drawn, found):
        assert "changed elsewhere" in refused[-1]["value"]
    for refused in on_one("chats", drawn):
        assert "it was deleted or changed since this was drawn" in refused[-1]["value"]
    assert versions.find("chats").count() == 11
    # Where another dataset was chosen instead, nobody changed anything.
    build.save(build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")]), "other")
    for refused in (*on_one("other", drawn), *on_many("other", drawn, found)):
        assert "this was drawn of chats, and other is chosen now" in refused[-1]["value"]


def questions(chats: versions.Version) -> list[str]:
    return [chat.messages[0].content for chat in versions.find(chats.name).conversations()]


def test_a_button_is_pressed_for_the_conversation_that_the_person_sees_above_it(chats):
    """The browser draws a page some time after it is known here: until then the buttons are those of the one before."""
    seen = page(events.show("chats", "", None, events.Shown()))
    on_card(events.delete, "chats", "", seen["shown"], seen["drawn"], place=1)
    newer = page(events.show_again("chats", "", None, seen["shown"]))
    assert newer["drawn"] != seen["drawn"] and questions(chats)[1:3] == ["Question 2?", "Question 3?"]
    on_card(events.delete, "chats", "", newer["shown"], seen["drawn"], place=2)
    assert questions(chats)[:3] == ["Question 0?", "Question 3?", "Question 4?"]
    newest = page(events.show_again("chats", "", None, newer["shown"]))["shown"]
    on_card(events.copy, "chats", "", newest, seen["drawn"], place=4)
    assert questions(chats)[-1] == "Question 4?"
    editing, _ = on_card(data_editing.edit, "chats", "", newest, seen["drawn"], None, place=3)
    assert editing.row == 1 and "Question 3?" in str(editing.draft)
    (refused,) = on_card(events.delete, "chats", "", newest, seen["drawn"], place=1)[-1:]  # twice
    assert "deleted or changed since this was drawn" in refused["value"] and len(questions(chats)) == 11
    assert events.tick(True, [], newest, seen["drawn"], place=0) == gr.skip()
    assert events.tick(True, [], newest, newest.mark, place=0)[0] == [0]
    with pytest.raises(UserError, match="does not know any more"):
        on_card(events.delete, "chats", "", newest, "", place=0)


def test_no_change_of_an_upload_is_lost_where_the_browser_does_not_know_of_the_one_before(home, tmp_path):
    twelve(tmp_path)
    staged = build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")])

    def left(id: str) -> list[str]:
        return [chat.messages[0].content for chat in build.open_staged(id).conversations()]

    seen = page(events.show("", staged.id, None, events.Shown()))
    for place in (0, 1, 3):  # faster than the new state's id comes back
        id, *_ = on_card(events.delete, "", staged.id, seen["shown"], seen["drawn"], place=place)
    assert left(id)[:3] == ["Question 2?", "Question 4?", "Question 5?"]
    # Whoever has gone back goes on from there.
    before = staging.earlier(build.open_staged(id))
    again = page(events.show("", before.id, None, seen["shown"]))
    id, *_ = on_card(events.delete, "", before.id, again["shown"], again["drawn"], place=0)
    assert left(id)[:3] == ["Question 3?", "Question 4?", "Question 5?"]


def test_the_next_dataset_begins_on_its_first_page_whatever_page_of_another_was_shown(chats):
    other = events.Shown((5, 6, 7, 8, 9), 5, 0, str(chats.path.parent.parent / "gone" / "v1"))
    assert page(events.show_again("chats", "", None, other))["rows"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("redraw", [events.show, events.show_again])
def test_the_next_dataset_begins_without_the_filters_of_another(chats, redraw):
    looked_for = ("nowhere", "validation", "tools", "", "longest", "9", "12", None)
    other = events.Shown(of=str(chats.path.parent.parent / "gone" / "v1"), filters=looked_for)
    updates = redraw("chats", "", None, other)
    assert updates[-1 - len(events._FIELDS) : -1] == ("", "", "", "file", "", "")
    assert page(updates)["rows"] == [0, 1, 2, 3, 4] and not page(updates)["chips"]
    same = replace(other, of=str(chats.path))
    updates = redraw("chats", "", None, same)
    assert updates[-1 - len(events._FIELDS) : -1] == tuple(gr.skip() for _ in events._FIELDS)
    assert page(updates)["rows"] == [] and len(page(updates)["chips"]) == 5


@pytest.mark.parametrize("redraw", [events.show, events.show_again])
def test_a_page_that_is_drawn_late_keeps_the_filters_that_were_asked_for_since(chats, redraw):
    shown = first(text="question 1", longest="20")["shown"]
    edit.apply(chats, deletion([0]))
    view = page(redraw("chats", "", None, shown))
    assert view["rows"] == [0] and view["chips"].keys() == {"text", "longest"}
    assert page(events.page_after("chats", "", view["shown"], []))["rows"] == [0]


@pytest.mark.parametrize("refill", [events.show, events.show_again])
def test_a_page_that_is_shown_already_is_not_filled_again_and_keeps_what_was_ticked_since(chats, refill):
    shown = page(events.page_after("chats", "", at(0), []))["shown"]
    *updates, files, _, _, _, _, _, _, problem = refill("chats", "", None, shown)
    assert all(update == gr.skip() for update in updates) and len(updates) == events._PAGE_OUTPUTS + 2
    assert files.value == "" and not problem["visible"]
    edit.apply(chats, deletion([0]))
    chosen = refill("chats", "", None, shown)[events._PAGE_OUTPUTS]
    assert chosen == []
