"""A rejected record can be mended and read again, and the counts still add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from formats.reading import Reading
from ft.dataset import build, rejected, versions
from ft.errors import UserError

GOOD = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
WIZARD = {"messages": [{"role": "wizard", "content": "who?"}, {"role": "assistant", "content": "me"}]}
SILENT = {"messages": [{"role": "user", "content": "hello?"}]}


@pytest.fixture
def staged(home: Path, tmp_path: Path) -> build.Staged:
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in (GOOD, WIZARD, GOOD, SILENT, SILENT)) + "\n{oops\n")
    return build.stage([build.SourceFile(path, path.name)])


def adds_up(report: dict) -> bool:
    left = report["kept"] + sum(report["rejected"].values()) + report.get("removed", 0)
    return report["read"] + report.get("added", 0) == left


def test_rejected_records_are_shown_in_pages_with_the_record_itself(staged):
    found = rejected.page(staged, 0, 2)
    assert [each.key for each in found] == [("chats.jsonl", 2), ("chats.jsonl", 4)]
    assert json.loads(found[0].raw) == WIZARD and found[0].problem["code"] == "unknown_role"
    assert [each.problem["code"] for each in rejected.page(staged, 2, 9)] == ["no_reply", "bad_json"]


def test_a_mended_record_is_kept_and_no_longer_rejected(staged):
    (first, *_) = rejected.page(staged, 0, 1)
    found = rejected.retry(staged, first, first.raw.replace("wizard", "user"))
    assert (found.fixed, found.still) == (1, ()) and adds_up(found.looked.report)
    assert found.looked.report["rejected"] == {"no_reply": 2, "bad_json": 1}
    assert found.looked.report["files"][0]["kept"] == 3
    chats = list(found.looked.conversations())
    assert chats[-1].messages[0].content == "who?" and chats[-1].origin.record == 2
    assert [each.key[1] for each in rejected.page(found.looked, 0, 9)] == [4, 5, 6]


@pytest.mark.parametrize("repair", ["html_debris", "html_entities", "placeholders_filled", "names_in_text"])
def test_a_mended_record_is_repaired_as_the_whole_file_was(home, tmp_path, repair):
    reply = {"role": "assistant", "content": '<div class="markdown">Hi &amp;amp; {{name}}</div>', "name": "Ava"}
    record = {"messages": [{"role": "wizard", "content": "who?"}, reply]}
    path, right = tmp_path / "chats.jsonl", json.dumps(record).replace("wizard", "user")
    path.write_text(json.dumps(record) + "\n" + right + "\n")
    reading = Reading(repairs={repair: True}, fill={"name": "Ben"})
    staged = build.stage([build.SourceFile(path, path.name)], reading=reading)
    (first, *_) = rejected.page(staged, 0, 1)
    of_file, mended = rejected.retry(staged, first, right).looked.conversations()
    assert mended.messages == of_file.messages and repair in mended.repairs and mended.repairs == of_file.repairs


def test_a_saved_dataset_gets_a_new_version_that_can_be_undone(staged):
    version = build.save(staged, "mine")
    (first, *_) = rejected.page(version, 0, 1)
    found = rejected.retry(version, first, json.dumps(GOOD))
    assert found.looked == versions.find("mine") and found.looked.version == "v2"
    assert version.report["rejected"]["unknown_role"] == 1 and adds_up(found.looked.report)
    assert found.looked.source["edit"] == "1 rejected record mended"


def test_what_still_cannot_be_used_is_said_with_its_turn(staged):
    (first, *_) = rejected.page(staged, 0, 1)
    for raw, given in ((first.raw, "the record, turn 1"), ("{oops", "the record"), ("3", "the record")):
        with pytest.raises(UserError) as caught:
            rejected.retry(staged, first, raw)
        assert caught.value.given == given and caught.value.why and caught.value.todo
    assert staged.path.exists()


def test_a_mended_download_continues_from_where_it_was(staged, tmp_path):
    lines = [json.loads(line) for line in staged.rejected_path.read_text().splitlines()]
    lines[0]["raw"] = json.dumps(GOOD)
    lines[1]["raw"] = {**SILENT, "messages": [*SILENT["messages"], {"role": "assistant", "content": "here"}]}
    lines[2]["raw"] = json.dumps(WIZARD)
    back = tmp_path / "rejected.jsonl"
    back.write_text("\n".join(map(json.dumps, lines)))
    found = rejected.retry_file(staged, back, "rejected.jsonl")
    assert found.fixed == 2 and [each.code for each in found.still] == ["unknown_role", "bad_json"]
    assert adds_up(found.looked.report) and found.looked.report["kept"] == 4
    assert found.looked.report["rejected"] == {"unknown_role": 1, "bad_json": 1}


def test_another_file_is_not_taken_for_a_mended_download(staged, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps(GOOD))
    with pytest.raises(UserError, match="no rejected record"):
        rejected.retry_file(staged, other, "other.jsonl")
