"""An edit makes a new version; undo goes back; nothing that was there is changed, and what is held out stays so."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.dataset import build, edit, parquet, staging, versions
from ft.dataset.change import Change
from ft.dataset.split import position
from ft.dataset.staging import staging_dir
from ft.errors import UserError


def stage(folder: Path, questions: list[str], fraction: float = 0.3) -> build.Staged:
    path = folder / "chats.jsonl"
    lines = [json.dumps({"instruction": question, "output": "An answer"}) for question in questions]
    path.write_text("\n".join(lines), encoding="utf-8")
    return build.stage([build.SourceFile(path, path.name)], validation_fraction=fraction)


@pytest.fixture
def saved(home: Path, tmp_path: Path) -> versions.Version:
    return build.save(stage(tmp_path, [f"Question {number}" for number in range(30)]), "mine")


def openings(version: versions.Version, split: str | None = None) -> list[str]:
    return [conversation.messages[0].content for conversation in version.conversations(split)]


def asked(conversation: Conversation, text: str) -> Conversation:
    return replace(conversation, messages=(Message("user", text), *conversation.messages[1:]))


def digest(version: versions.Version) -> str:
    return hashlib.sha256(version.conversations_path.read_bytes()).hexdigest()


def test_an_edit_a_deletion_and_an_addition_make_a_version_that_names_its_parent(saved, monkeypatch):
    before, was = list(saved.conversations()), digest(saved)
    new = Conversation((Message("user", "New?"), Message("assistant", "Yes")), Origin("by hand", 1))
    changed = asked(before[4], "Changed")
    edited = edit.apply(saved, Change("three things", frozenset({0, 29}), {4: changed}, (new,)))
    assert edited.version == "v2" and edited.parent == "v1" and edited.source["edit"] == "three things"
    assert list(edited.conversations()) == [*before[1:4], changed, *before[5:29], new]
    assert versions.find("mine") == edited
    report = edited.report
    assert (report["kept"], report["added"], report["removed"]) == (29, 1, 2)
    assert report["read"] + report["added"] == report["kept"] + sum(report["rejected"].values()) + report["removed"]
    assert digest(saved) == was and list(saved.conversations()) == before


def test_edits_reach_the_right_rows_of_a_file_of_many_row_groups(home, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 7)
    version = build.save(stage(tmp_path, [f"Question {number}" for number in range(40)]), "mine")
    chats = list(version.conversations())
    replaced = {row: asked(chats[row], f"Changed {row}") for row in (6, 7, 20, 39)}
    deleted = frozenset({0, 8, 13, 14, 21, 22, 23, 24, 25, 26, 27})
    edited = edit.apply(version, Change("many", deleted, replaced))
    expected = [replaced.get(row, chat) for row, chat in enumerate(chats) if row not in deleted]
    assert list(edited.conversations()) == expected
    assert parquet.take(edited.conversations_path, [28, 0, 5]) == [expected[28], expected[0], expected[5]]


def test_undo_and_redo_walk_along_the_edits_and_lose_none(saved):
    first = edit.apply(saved, Change("one", delete={0}))
    second = edit.apply(first, Change("two", delete={0}))
    assert edit.undo("mine") == first and versions.find("mine") == first
    assert edit.undo("mine") == saved
    with pytest.raises(UserError, match="nothing to undo"):
        edit.undo("mine")
    assert edit.redo("mine") == first and edit.redo("mine") == second
    with pytest.raises(UserError, match="no edit"):
        edit.redo("mine")
    assert [each.version for each in versions.list_versions("mine")] == ["v3", "v2", "v1"]


def test_an_edit_after_an_undo_starts_from_there_and_the_undone_one_stays_in_the_history(saved):
    undone = edit.apply(saved, Change("one", delete={0}))
    edit.undo("mine")
    other = edit.apply(versions.find("mine"), Change("other", delete={1}))
    assert (other.version, other.parent) == ("v3", "v1")
    assert versions.find("mine") == other and undone in versions.list_versions("mine")
    assert edit.undo("mine") == saved and edit.redo("mine") == other


def test_the_version_in_use_is_the_one_listed_and_a_new_upload_is_used_at_once(saved, tmp_path):
    edit.apply(saved, Change("one", delete={0}))
    edit.undo("mine")
    assert [each.version for each in versions.list_datasets()] == ["v1"]
    build.save(stage(tmp_path, ["Anything else"]), "mine")
    assert versions.find("mine").version == "v3"


def test_what_is_held_out_stays_held_out_whatever_is_edited(saved):
    held_out = openings(saved, "validation")
    rows = {row: chat for row, chat in enumerate(saved.conversations()) if chat.messages[0].content in held_out}
    edited = edit.apply(saved, Change("all of them", replace={row: asked(c, f"New {row}") for row, c in rows.items()}))
    assert openings(edited, "validation") == [f"New {row}" for row in rows]
    assert edited.count("train") == saved.count("train")


def test_a_changed_opening_goes_where_that_opening_lies_and_else_stays(saved):
    train, held_out = openings(saved, "train")[0], openings(saved, "validation")[0]
    place = openings(saved).index(train)
    chat = parquet.take(saved.conversations_path, [place])[0]
    edited = edit.apply(saved, Change("as one held out", replace={place: asked(chat, held_out.upper())}))
    assert held_out.upper() in openings(edited, "validation")
    below = next(text for n in range(200) if position(asked(chat, text := f"Fresh {n}")) < saved.source["boundary"])
    edited = edit.apply(saved, Change("a fresh one", replace={place: asked(chat, below)}))
    assert below in openings(edited, "train")


def test_an_added_conversation_goes_where_its_opening_lies(saved):
    held_out = openings(saved, "validation")[0]
    chat = Conversation((Message("user", held_out), Message("assistant", "b")), Origin("by hand", 1))
    edited = edit.apply(saved, Change("one more", add=(chat,)))
    assert openings(edited, "validation").count(held_out) == 2


def test_an_edit_of_an_upload_that_is_not_saved_can_be_gone_back_from(home, tmp_path):
    staged = stage(tmp_path, ["One", "Two", "Three"])
    edited = edit.apply(staged, Change("one", delete={1}))
    assert staging.earlier(edited) == staged and staging.later(staged) == edited
    assert [chat.messages[0].content for chat in build.open_staged(edited.id).conversations()] == ["One", "Three"]
    saved = build.save(edited, "mine")
    assert (saved.parent, saved.source["edits"]) == ("", ["one"])
    assert {each.name for each in saved.path.iterdir()} == {
        *("conversations.parquet", "rejected.jsonl", "report.json", "source.json")
    }


def test_an_upload_keeps_the_last_of_its_states_only(home, tmp_path):
    one = stage(tmp_path, ["One", "Two", "Three"])
    for _ in range(staging.KEPT + 5):
        one = edit.apply(one, Change("the same again"))
    assert len(list(staging_dir().iterdir())) == staging.KEPT + 1 and len(staging.others(one)) == staging.KEPT


def test_an_edit_that_leaves_nothing_is_refused_and_nothing_is_left_behind(saved):
    with pytest.raises(UserError, match="no conversation would be left"):
        edit.apply(saved, Change("all", delete=frozenset(range(30))))
    with pytest.raises(IndexError):
        edit.apply(saved, Change("beyond", delete={30}))
    half = Conversation((Message("user", "a\ud83d"), Message("assistant", "b")), Origin("by hand", 1))
    with pytest.raises(UserError, match="half of a character"):
        edit.apply(saved, Change("half", add=(half,)))
    assert list(staging_dir().iterdir()) == []
    assert [each.version for each in versions.list_versions("mine")] == ["v1"]


def test_a_version_saved_before_there_was_an_index_is_read_and_edited(saved):
    path = saved.conversations_path
    before = list(saved.conversations())
    old = pq.read_table(path).select(["messages", "tools", "origin", "repairs", "split"])
    rows = [
        {
            **row,
            "messages": [{k: v for k, v in m.items() if k not in ("name", "tool_call_id")} for m in row["messages"]],
        }
        for row in old.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    call = Conversation(
        (Message("user", "a"), Message("assistant", "", tool_calls=(ToolCall("f", "{}", "1"),))), Origin("by hand", 1)
    )
    edited = edit.apply(saved, Change("one less, one more", delete={3}, add=(call,)))
    assert list(edited.conversations()) == [*before[:3], *before[4:], call]
