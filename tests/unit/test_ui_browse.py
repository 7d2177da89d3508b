"""The Conversations panel's events with real files, a real home and no browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from ft.dataset import build, edit, versions
from ft.dataset.change import deletion
from ft.dataset.draft import Turn
from ft.ui import data_browse_events as events
from ft.ui import data_editing, data_editor, data_filters
from ft.ui.data_filters import Rows

ALL = data_filters.NO_FILTERS
CHIPS = ("text", "side", "kind", "file", "shortest", "longest", "only")
PAGE = ("place", "number", "back", "further", "every", "named", "clear", *CHIPS, "shown", "drawn")
NAMES = ("text", "side", "kind", "file", "order", "shortest", "longest", "only")
FIRST = events.Shown((0, 1, 2, 3, 4))


def twelve(tmp_path: Path) -> versions.Version:
    """A dataset of twelve conversations."""
    rows = [{"instruction": f"Question {n}?", "output": f"Answer {n}."} for n in range(12)]
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return build.save(build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")]), "chats")


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> versions.Version:
    return twelve(tmp_path)


def page(updates: tuple[Any, ...]) -> dict[str, Any]:
    slots = updates[len(PAGE) :]
    view = dict(zip(PAGE, updates, strict=False))
    view["rows"] = list(view["shown"].rows)
    view["chats"] = [slots[3 * n + 1] for n in range(events.PAGE) if slots[3 * n].visible]
    view["ticked"] = [slots[3 * n + 2].value for n in range(len(view["chats"]))]
    view["chips"] = {name: view[name].value for name in CHIPS if view[name].visible}
    view["refused"] = updates[-1]["value"] if updates[-1]["visible"] else ""
    return view


def shown_of(chats: versions.Version, *rows: int) -> events.Shown:
    return events.Shown(rows, of=str(chats.path))


def at(start: int) -> events.Shown:
    return events.Shown(start=start)


def first(**filters: Any) -> dict[str, Any]:
    given = dict(zip(NAMES, ALL, strict=True)) | filters
    return page(events.find("chats", "", *given.values(), events.Shown(), []))


def test_the_first_page_is_shown_and_pages_end_at_their_ends(chats):
    view = page(events.show("chats", "", None, events.Shown()))
    assert view["rows"] == [0, 1, 2, 3, 4] and "12 conversations" in view["place"] and "1 to 5 of 12" in view["number"]
    assert len(view["chats"]) == 5 and "Question 0?" in view["chats"][0]
    assert not view["back"].interactive and view["further"].interactive
    view = page(events.page_after("chats", "", at(5), []))
    assert view["rows"] == [10, 11] and len(view["chats"]) == 2 and not view["further"].interactive
    view = page(events.page_before("chats", "", at(3), []))
    assert view["rows"] == [0, 1, 2, 3, 4]
    view = page(events.page_after("chats", "", at(500), []))
    assert view["rows"] == [10, 11]


def test_filters_show_what_passes_and_say_of_how_many(chats):
    assert first(text="question 7")["rows"] == [7] and "1 of 12" in first(text=" QUESTION 7 ")["place"]
    assert first(shortest="22")["rows"] == [10, 11] and first(longest=" 20 ")["rows"] == [0, 1, 2, 3, 4]
    held_out = first(side="validation")["rows"]
    assert len(held_out) == chats.count("validation") > 0
    view = first(only=Rows("Replies of one word", (3, 9), str(chats.path)))
    assert view["rows"] == [3, 9] and "2 of 12 conversations" in view["place"]


@pytest.mark.parametrize(
    ("filters", "chips"),
    [
        ({"text": " nowhere "}, {"text": "Text: nowhere"}),
        ({"side": "validation"}, {"side": "Held out"}),
        ({"kind": "tools"}, {"kind": "With tools"}),
        ({"file": "chats.jsonl"}, {"file": "File: chats.jsonl"}),
        ({"shortest": "9,000"}, {"shortest": "At least 9,000 characters"}),
        ({"longest": "1"}, {"longest": "At most 1 character"}),
        ({"only": (3, 9)}, {"only": "Check-up: Replies of one word"}),
        ({"text": "7", "longest": "1", "only": (3, 9)}, {"text", "longest", "only"}),
        ({"order": "longest"}, {}),
        ({"shortest": "0", "longest": ""}, {}),
    ],
)
def test_each_filter_that_is_on_is_named_also_where_nothing_passes_and_is_removed_by_its_name(chats, filters, chips):
    on = dict(zip(NAMES, ALL, strict=True)) | filters
    if "only" in filters:
        on["only"] = Rows("Replies of one word", filters["only"], str(chats.path))
    view = first(**on)
    assert (view["chips"] == chips) if isinstance(chips, dict) else (view["chips"].keys() == chips)
    assert view["named"].visible == bool(chips) and view["clear"].visible == (len(chips) > 1)
    assert view["rows"] or "None of 12 conversations passes" in view["place"]
    left, shown = set(view["chips"]), view["shown"]
    for name in view["chips"]:
        on[name], *updates = events.find_without("chats", "", shown, [], place=NAMES.index(name))
        left -= {name}
        after = page(tuple(updates))
        assert on[name] == ALL[NAMES.index(name)] and after["chips"].keys() == left
        shown = after["shown"]
    assert first(**on)["rows"]


@pytest.mark.parametrize("written", ["many", "-5", "1e3", "5 000 x", "0x10"])
@pytest.mark.parametrize("field", ["shortest", "longest"])
def test_a_length_that_is_no_number_is_refused_in_words_and_the_list_stays(chats, field, written):
    given = dict(zip(NAMES, ALL, strict=True)) | {field: written}
    *updates, place = events.find("chats", "", *given.values(), FIRST, [])
    assert written in place["value"] and "not a number" in place["value"]
    assert all(update == gr.skip() for update in updates)


def test_what_the_checkup_found_is_followed_through_edits_and_left_out_for_another_dataset(chats, tmp_path):
    only = Rows("Replies of one word", (3, 9), str(chats.path))
    edit.apply(chats, deletion([0, 9]))
    assert first(only=only)["rows"] == [2]
    rows = [{"instruction": f"Other {n}?", "output": "A."} for n in range(12)]
    (tmp_path / "other.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    build.save(build.stage([build.SourceFile(tmp_path / "other.jsonl", "other.jsonl")]), "other")
    view = page(events.find("other", "", *ALL[:-1], only, events.Shown(), []))
    assert not view["chips"] and "12 conversations" in view["place"]


def test_where_nothing_is_found_the_filters_can_be_cleared_and_all_is_shown_again(chats):
    view = first(text="nowhere", side="train", order="longest")
    assert view["clear"].visible and not (view["back"].visible or view["further"].visible or view["every"].visible)
    updates = events.find_all("chats", "", FIRST, [3])
    assert updates[: len(ALL)] == ALL
    view = page(updates[len(ALL) :])
    assert view["rows"] == [0, 1, 2, 3, 4] and view["ticked"][3] and not view["clear"].visible
    assert not first(order="longest")["clear"].visible


def test_what_is_chosen_stays_ticked_on_other_pages_and_is_deleted_together(chats):
    chosen, bar, said = events.choose(True, [], FIRST, place=2)
    assert chosen == [2] and bar.visible and "1 chosen" in said
    chosen, bar, said = events.choose(True, chosen, events.Shown((5, 6, 7, 8, 9)), place=0)
    assert chosen == [2, 5] and "2 chosen" in said
    assert page(events.page_after("chats", "", FIRST, chosen))["ticked"] == [True, False, False, False, False]
    _, edited, place = events.delete_many("chats", "", FIRST, chosen)
    assert edited and not place["visible"]
    left = [chat.messages[0].content for chat in versions.find("chats").conversations()]
    assert left == [f"Question {n}?" for n in range(12) if n not in (2, 5)]
    updates = events.show_again("chats", "", None, at(5))
    view = page(updates)
    assert view["rows"] == [5, 6, 7, 8, 9] and not any(view["ticked"])
    now_chosen, bar, *_ = updates[len(PAGE) + 3 * events.PAGE :]
    assert now_chosen == [] and not bar.visible


def test_all_that_pass_the_filters_are_chosen_and_marked_together(chats):
    view = first(text="question 1")
    assert view["every"].value == "Choose all 3"
    chosen, bar, said, *ticks, _ = events.choose_all("chats", "", view["shown"], [4])
    assert chosen == [1, 4, 10, 11] and bar.visible and "4 chosen" in said and all(ticks)
    chosen, *_ = events.choose(False, chosen, FIRST, place=4)
    events.mute_many("chats", "", FIRST, chosen)
    assert first(kind="untrained")["rows"] == [1, 10, 11]
    *_, place = events.mute_many("chats", "", FIRST, chosen)
    assert "marked so already" in place["value"]
    events.unmute_many("chats", "", FIRST, chosen)
    assert first(kind="untrained")["rows"] == []


def test_where_none_is_chosen_the_bar_goes_and_nothing_is_deleted(chats):
    chosen, bar, _, *ticks, _ = events.choose_none()
    assert chosen == [] and not bar.visible and not any(ticks)
    *_, place = events.delete_many("chats", "", FIRST, chosen)
    assert "none is chosen" in place["value"] and versions.find("chats").version == "v1"


def test_a_turn_is_edited_added_and_removed_in_the_form(chats):
    editing, _ = data_editing.edit("chats", "", shown_of(chats, 7), None, place=0)
    assert [turn.content for turn in editing.draft.turns] == ["Question 7?", "Answer 7."]
    fields = ["user", "Question 7?", True, "", "", "", "", "assistant", "Better.", True, "", "", "", "", ""]
    more = data_editor.with_one_more(editing, *fields)
    assert [turn.content for turn in more.draft.turns] == ["Question 7?", "Better.", ""] and more.row == 7
    assert data_editor.without(2, more, *fields[:-1], *["user", "", True, "", "", "", ""], "").draft.turns == (
        Turn("user", "Question 7?"),
        Turn("assistant", "Better."),
    )
    done, _, edited, place, *_ = data_editor.kept("chats", "", editing, *fields)
    assert done is None and edited and not place["visible"]
    changed = list(versions.find("chats").conversations())[7]
    assert changed.messages[1].content == "Better." and changed.origin == editing.origin


def test_what_is_no_conversation_is_refused_in_the_form_and_nothing_changes(chats):
    editing, _ = data_editing.write_new("chats", "", None)
    _, _, _, place, *_ = data_editor.kept("chats", "", editing, *["user", "", True, "", "", "", ""], "")
    assert "turn 1" in place["value"].lower() and versions.find("chats").version == "v1"


def test_a_conversation_is_written_copied_and_deleted_and_what_was_added_is_shown(chats):
    before = page(events.show("chats", "", None, events.Shown()))["shown"]
    fields = ["user", "New?", True, "", "", "", "", "assistant", "Yes.", True, "", "", "", "", ""]
    data_editor.kept("chats", "", data_editing.write_new("chats", "", None)[0], *fields)
    view = page(events.show_again("chats", "", None, before))
    assert view["rows"] == [10, 11, 12] and "New?" in view["chats"][-1]
    events.copy("chats", "", events.Shown((12,)), place=0)
    assert first(text="new?")["rows"] == [12, 13]
    on_page_one = page(events.show("chats", "", None, events.Shown()))["shown"]
    events.delete("chats", "", FIRST, place=0)
    assert page(events.show_again("chats", "", None, on_page_one))["rows"] == [0, 1, 2, 3, 4]
    assert first(text="new?")["rows"] == [11, 12] and versions.find("chats").version == "v4"


def test_an_upload_that_is_not_saved_is_edited_in_place(home, tmp_path):
    rows = [{"instruction": f"Question {n}?", "output": "A."} for n in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    staged = build.stage([build.SourceFile(tmp_path / "a.jsonl", "a.jsonl")])
    id, _, place = events.delete("", staged.id, events.Shown((1,)), place=0)
    assert id != staged.id and not place["visible"]
    assert [chat.messages[0].content for chat in build.open_staged(id).conversations()] == [
        "Question 0?",
        "Question 2?",
    ]
