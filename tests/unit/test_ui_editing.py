"""The editor of a conversation belongs to its dataset: what is written in it waits, and is never lost or misplaced."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
import pytest

from formats.conversation import Conversation, Message, Origin
from ft.dataset import build, edit, versions
from ft.dataset.change import deletion, replacement
from ft.runs import deletion as deletion_of
from ft.ui import data_browse_events as events
from ft.ui import data_change, data_editing, data_editor, data_events


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> versions.Version:
    rows = [{"instruction": f"Question {n}?", "output": f"Answer {n}."} for n in range(12)]
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return build.save(build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")]), "chats")


def shown_of(chats: versions.Version, *rows: int) -> events.Shown:
    return events.Shown(rows, of=str(chats.path))


WRITTEN = ["user", "Question 7?", True, "", "", "", "", "assistant", "Better.", True, "", "", "", "", ""]


def replies(name: str) -> list[str]:
    return [chat.messages[1].content for chat in versions.find(name).conversations()]


@pytest.fixture
def other(chats: versions.Version, tmp_path: Path) -> versions.Version:
    return build.save(build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")]), "other")


@pytest.mark.parametrize("opened", ["conversation", "new"])
def test_what_is_edited_waits_while_another_dataset_is_chosen_and_is_kept_in_its_own(chats, other, opened):
    if opened == "new":
        editing, _ = data_editing.write_new("chats", "", None)
    else:
        editing, _ = data_editing.edit("chats", "", shown_of(chats, 7), None, place=0)
    listing, editor, waits, _, now = data_editing.switch("chats", "", editing)
    assert editor.visible and not listing.visible and not waits.visible and now == gr.skip()
    listing, editor, waits, words, now = data_editing.switch("other", "", editing)
    assert listing.visible and not editor.visible and waits.visible and now == gr.skip()
    assert "of chats" in words and ("new conversation" if opened == "new" else "Conversation 8") in words
    for refused in (
        data_editing.edit("other", "", shown_of(other, 0), editing, place=0),
        data_editing.write_new("other", "", editing),
    ):
        assert refused[0] == gr.skip() and "of chats" in refused[1]["value"] and "Go on with it" in refused[1]["value"]
    *_, place, as_new, _, _ = data_editor.kept("other", "", editing, *WRITTEN)
    assert "it belongs to chats, and other is chosen now" in place["value"] and not as_new.visible
    assert data_editing.go_on("", [], editing) == ("chats", "", [])
    done, *_, place, _, _, _ = data_editor.kept("chats", "", editing, *WRITTEN)
    assert done is None and not place["visible"] and "Better." in replies("chats") and "Better." not in replies("other")


def test_a_second_click_leaves_the_editor_as_it_is(chats):
    editing, _ = data_editing.edit("chats", "", shown_of(chats, 7), None, place=0)
    for again in (
        data_editing.edit("chats", "", shown_of(chats, 7), editing, place=0),
        data_editing.write_new("chats", "", editing),
    ):
        assert again[0] == gr.skip() and not again[1]["visible"]


def test_what_is_edited_is_found_again_where_other_conversations_were_changed_meanwhile(chats):
    editing, _ = data_editing.edit("chats", "", shown_of(chats, 7), None, place=0)
    edit.apply(chats, deletion([2, 9]))
    done, *_, place, _, _, _ = data_editor.kept("chats", "", editing, *WRITTEN)
    assert done is None and not place["visible"]
    assert replies("chats") == [f"Answer {n}." if n != 7 else "Better." for n in range(12) if n not in (2, 9)]


@pytest.mark.parametrize("how", ["deleted", "changed"])
def test_what_is_edited_is_not_lost_where_it_was_changed_or_deleted_meanwhile(chats, how):
    editing, _ = data_editing.edit("chats", "", shown_of(chats, 7), None, place=0)
    written = Conversation((Message("user", "Question 7?"), Message("assistant", "Else.")), Origin("chats.jsonl", 8))
    edit.apply(chats, deletion([7]) if how == "deleted" else replacement(7, written))
    now, _, _, place, as_new, *_ = data_editor.kept("chats", "", editing, *WRITTEN)
    assert (
        now == gr.skip()
        and as_new.visible
        and "changed or deleted" in place["value"]
        and "as a new one" in place["value"]
    )
    done, *_ = data_editor.kept_as_new("chats", "", editing, *WRITTEN)
    assert done is None and replies("chats")[-1] == "Better." and versions.find("chats").report["added"] == 1


def test_an_upload_is_not_saved_or_left_without_what_is_being_edited_in_it(home, tmp_path):
    rows = [{"instruction": f"Question {n}?", "output": "A."} for n in range(9)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    first, second = (build.stage([build.SourceFile(tmp_path / "a.jsonl", "a.jsonl")]) for _ in range(2))
    editing, _ = data_editing.edit("", first.id, events.Shown((7,), of=str(first.path)), None, place=0)
    *_, place = data_events.save(first.id, [], "a", "", editing)
    assert "Conversation 8" in place["value"] and "Keep it or cancel it" in place["value"] and not versions.in_use("a")
    # Another upload is looked at meanwhile, then this one again.
    assert data_editing.switch("@upload", second.id, editing)[2].visible
    assert data_editing.go_on(second.id, [first.id], editing) == ("@upload", first.id, [second.id])
    id, _ = data_change.applied("", first.id, deletion([0]))
    assert data_editing.switch("@upload", id, editing)[1].visible
    done, kept, *_ = data_editor.kept("@upload", id, editing, *WRITTEN)
    assert (
        done is None and [chat.messages[1].content for chat in build.open_staged(kept).conversations()][6] == "Better."
    )


def test_what_is_edited_goes_with_its_dataset_and_that_is_said(chats, other):
    editing, _ = data_editing.edit("chats", "", shown_of(chats, 7), None, place=0)
    deletion_of.delete_dataset("chats")
    with pytest.warns(UserWarning, match="Conversation 8 is not edited any more"):
        listing, editor, waits, _, now = data_editing.switch("", "", editing)
    assert listing.visible and not editor.visible and not waits.visible and now is None
