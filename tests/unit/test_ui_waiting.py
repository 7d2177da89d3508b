"""Uploads that wait beside the one that is looked at: another upload is no edit, and none is lost unsaid."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from data_tab import CHATS, HOW, shown, stage_of, staged, upload, write

from ft.dataset.change import deletion
from ft.dataset.staging import staging_dir
from ft.ui import data_change, data_choice, data_events


@pytest.mark.parametrize("bring", ["another file", "more files", "the sample", "columns"])
def test_undo_undoes_edits_and_another_upload_is_none(home: Path, tmp_path: Path, bring: str):
    first = write(tmp_path / "first.jsonl", *CHATS)
    before, _ = data_change.applied("", staged(data_events.stage([first], [], *HOW, 10, "", [])), deletion([0]))
    second = write(tmp_path / "second.jsonl", *({"q": f"{n}?", "a": "Yes."} for n in range(3)))
    columns = {"prompt": "q", "reply": "a"}
    brought = {
        "another file": lambda: data_events.stage([write(tmp_path / "b.jsonl", *CHATS[:6])], [], *HOW, 10, before, []),
        "more files": lambda: data_events.stage(
            [first, write(tmp_path / "b.jsonl", *CHATS[:6])], [], *HOW, 10, before, []
        ),
        "the sample": lambda: data_events.stage_sample(10, before, []),
        "columns": lambda: data_events.stage([second], [], *HOW[:3], columns, 10, before, []),
    }[bring]
    upload_id, waiting = stage_of(brought())
    view = shown(data_choice.UPLOAD, upload_id, waiting=waiting)
    assert not view["undo"].interactive and not view["redo"].interactive
    # What was read before, with its edit, is named among what there is to look at, and can be gone back to.
    (_, here), (words, there) = view["there"].choices[:2]
    assert here == data_choice.UPLOAD and "first.jsonl · 11 conversations · not saved yet" in words
    dataset, back, waiting = data_events.choose(there, upload_id, waiting)
    assert (dataset, back, waiting) == (data_choice.UPLOAD, before, [upload_id])
    view = shown(dataset, back, waiting=waiting)
    assert view["undo"].interactive and "Conversation 1 deleted" in view["heading"]


def test_the_upload_that_waits_is_next_where_one_is_saved_or_discarded(home: Path, tmp_path: Path):
    one, two, three = (upload(tmp_path, f"{name}.jsonl", extra=(CHATS[n],)) for n, name in enumerate("abc"))
    assert data_events.save(one, [two, three], "a", "", None)[:3] == (two, [three], "a")
    assert data_events.discard(two, [three])[:2] == (three, [])
    assert [value for _, value in data_choice.choices(three, [two])] == [data_choice.UPLOAD, "a"]  # two is gone


def test_of_many_uploads_that_wait_the_oldest_is_forgotten_by_name(home: Path, tmp_path: Path):
    upload_id, waiting = upload(tmp_path, "first.jsonl"), []
    for number in range(7):
        file = write(tmp_path / f"next-{number}.jsonl", *CHATS[: number + 2])
        said = pytest.warns(UserWarning, match="is forgotten") if number >= 5 else nullcontext()
        with said:
            upload_id, waiting = stage_of(data_events.stage([file], [], *HOW, 10, upload_id, waiting))
    assert len(waiting) == 5 and len(list(staging_dir().iterdir())) == 6


@pytest.mark.parametrize("kept", [None, 5, {"a": 1}, [None, 5, "no-such-upload", "../x"]])
def test_what_a_browser_kept_of_uploads_that_wait_may_be_anything(home: Path, tmp_path: Path, kept: object):
    assert shown("", "", waiting=kept)["empty"].visible
    upload_id, waiting = stage_of(data_events.stage([write(tmp_path / "a.jsonl", *CHATS)], [], *HOW, 10, "", kept))
    assert waiting == [] and data_events.save(upload_id, kept, "a", "", None)[:2] == ("", [])
