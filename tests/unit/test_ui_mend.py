"""Rejected records are mended, and a dataset is exported, with real files, a real home and no browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from ft.dataset import build, versions
from ft.dataset.staging import Staged
from ft.ui import data_export, data_rejected

CHATS = [
    {"messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": f"Answer {n}."}]}
    for n in range(12)
]
UNANSWERED = {"messages": [{"role": "user", "content": "no reply"}]}


def upload(tmp_path: Path, *records: object) -> Staged:
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return build.stage([build.SourceFile(tmp_path / "chats.jsonl", "chats.jsonl")])


def refused(update: Any) -> str:
    return update["value"] if update["visible"] else ""


def test_a_rejected_record_is_mended_on_the_page(home: Path, tmp_path: Path):
    build.save(upload(tmp_path, *CHATS, UNANSWERED), "chats")
    box, words, raw, before, further, place, _, drawn, _ = data_rejected.show("chats", "", 7)
    assert box.visible and place == 0 and "1 of 1 rejected record" in words and "no reply" in raw
    assert not before.interactive and not further.interactive
    _, edited, trouble = data_rejected.retry("chats", "", 0, raw, drawn)
    assert "nothing to learn" in refused(trouble)
    record = json.loads(raw)
    record["messages"].append({"role": "assistant", "content": "Here."})
    _, edited, trouble = data_rejected.retry("chats", "", 0, json.dumps(record), drawn)
    assert edited and not refused(trouble) and versions.find("chats").count() == 13
    assert not data_rejected.show("chats", "", 0)[0].visible


def test_a_record_is_not_put_in_the_place_of_the_next_one_by_a_second_press(home: Path, tmp_path: Path):
    build.save(upload(tmp_path, *CHATS, UNANSWERED, UNANSWERED), "chats")
    *_, drawn, _ = data_rejected.show("chats", "", 0)
    mended = json.dumps(CHATS[0])
    for pressed in (1, 2):
        *_, trouble = data_rejected.retry("chats", "", 0, mended, drawn)
        assert ("another one since the page drew it" in refused(trouble)) == (pressed == 2)
    assert versions.find("chats").count() == len(CHATS) + 1


def test_what_was_typed_into_a_rejected_record_is_not_lost(home: Path, tmp_path: Path):
    staged_id = upload(tmp_path, *CHATS, UNANSWERED, UNANSWERED, {"messages": []}).id
    _, _, text, before, further, place, given, _, _ = data_rejected.show("", staged_id, 0)
    assert not before.interactive and further.interactive
    *kept, trouble = data_rejected.show_after("", staged_id, place, text + " ", given)
    assert all(update == gr.skip() for update in kept) and "put it back" in refused(trouble)
    assert data_rejected.show("", staged_id, place, given)[2] == gr.skip()  # the tab was left, and is come back to
    assert data_rejected.show("", staged_id, place)[2] == text  # put back
    _, words, again, before, further, place, given, _, trouble = data_rejected.show_after("", staged_id, 0, text, given)
    # It says the same, and is another record all the same.
    assert "2 of 3" in words and again == text and before.interactive and further.interactive and not refused(trouble)
    assert not data_rejected.show_after("", staged_id, place, again, given)[4].interactive


@pytest.mark.parametrize(
    "raw",
    ['{"price": 1.10}', '{"n": 1e5}', '{"a": 1, "a": 2}', "{broken", '{"half": "\\ud800"}', "[" * 5000, '{"zero": -0}'],
)
def test_a_record_is_shown_as_it_is_where_a_line_for_each_field_would_change_it(raw: str):
    assert data_rejected.pretty(raw) == raw


def test_a_record_is_shown_with_a_line_for_each_field():
    raw = '{"who": "J\\u00f6rg", "price": 1.5, "big": 12345678901234567890123}'
    assert data_rejected.pretty(raw).splitlines() == [
        "{",
        '  "who": "Jörg",',
        '  "price": 1.5,',
        '  "big": 12345678901234567890123',
        "}",
    ]


def test_the_exported_file_is_named_in_words_and_its_button_stays_short(home: Path, tmp_path: Path):
    build.save(upload(tmp_path, *CHATS, UNANSWERED), "chats")
    _, words, file, left_out, trouble = data_export.exported("chats", "", "messages", "")
    assert "chats-messages.jsonl" in words and Path(file.value["path"]).name == "chats-messages.jsonl"
    assert file.label == "Download" and not left_out.visible and not refused(trouble)
