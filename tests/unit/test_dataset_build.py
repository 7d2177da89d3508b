"""Files become a dataset: everything that was read is accounted for."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from formats.conversation import Message, ToolCall
from formats.reading import Reading
from ft.dataset import build, parquet, readers, versions
from ft.dataset.build import SourceFile
from ft.errors import UserError
from ft.home import datasets_dir


def sharegpt(question: str, answer: str = "An answer") -> dict[str, object]:
    return {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]}


def write(path: Path, records: list[object]) -> SourceFile:
    path.write_text(json.dumps(records), encoding="utf-8")
    return SourceFile(path, path.name)


def staging() -> list[Path]:
    folder = datasets_dir() / ".staging"
    return list(folder.iterdir()) if folder.is_dir() else []


def test_a_file_of_what_is_no_chat_does_not_fill_the_disk(home, tmp_path, monkeypatch):
    monkeypatch.setattr("ft.dataset.tally._REJECTED_BYTES", 500_000)
    few = [1] * 500
    assert build.stage([write(tmp_path / "a.json", [sharegpt("Q"), *few])]).report["kept"] == 1
    before = staging()
    for many in ([1] * 20_000, [{}] * 20_000, ["x"] * 20_000):
        with pytest.raises(UserError, match="cannot be used that the list of that takes") as refused:
            build.stage([write(tmp_path / "a.json", [sharegpt("Q"), *many])])
        assert "The commonest reason" in refused.value.why and staging() == before


def test_every_record_read_is_kept_or_counted_as_rejected_with_its_reason_and_itself(home, tmp_path):
    records: list[object] = [sharegpt(f"Question {number}") for number in range(30)]
    records[4] = {"conversations": [{"from": "human", "value": "nobody answers"}]}
    records[9] = {"conversations": "not a list"}
    staged = build.stage([write(tmp_path / "chats.json", records)])
    report = staged.report
    assert report["read"] == 30
    assert report["kept"] == 28
    assert sum(report["rejected"].values()) == 2
    assert report["splits"]["train"] + report["splits"]["validation"] == 28
    assert [(each["file"], each["record"]) for each in report["problems"]] == [("chats.json", 5), ("chats.json", 10)]
    assert all(each["code"] and each["problem"] and each["fix"] for each in report["problems"])
    lines = [json.loads(line) for line in staged.rejected_path.read_text(encoding="utf-8").splitlines()]
    assert [{key: line[key] for key in report["problems"][0]} for line in lines] == report["problems"]
    assert "nobody answers" in lines[0]["raw"]
    assert report["format"] == "sharegpt"
    assert report["formats"] == {"chats.json": "sharegpt"}
    assert report["files"][0]["read"] == 30 and report["files"][0]["kept"] == 28 and report["files"][0]["reason"]


def test_conversations_come_back_as_they_went_in(home, tmp_path):
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky", "n": 1}'}}
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    record = {
        "messages": [
            {"role": "system", "content": "Be brief \U0001f600"},
            {"role": "user", "content": "What is up?\n\ttab"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "blue", "tool_call_id": "1"},
            {"role": "assistant", "content": "Blue."},
        ],
        "tools": [tool],
    }
    staged = build.stage([write(tmp_path / "m.json", [record])])
    (back,) = staged.conversations()
    assert [message.role for message in back.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert back.messages[0] == Message("system", "Be brief \U0001f600")
    assert back.messages[1].content == "What is up?\n\ttab"
    (found,) = back.messages[2].tool_calls
    assert isinstance(found, ToolCall) and found.name == "look"
    assert json.loads(found.arguments) == {"at": "sky", "n": 1}
    assert [json.loads(each)["function"]["name"] for each in back.tools] == ["look"]
    assert (back.origin.file, back.origin.record) == ("m.json", 1)


def test_the_parquet_file_has_the_promised_columns_and_tool_arguments_are_text(home, tmp_path):
    staged = build.stage([write(tmp_path / "a.json", [sharegpt("Hello")])])
    schema = pq.read_schema(staged.path / parquet.FILE_NAME)
    assert schema.names[:5] == ["messages", "tools", "origin", "repairs", "split"]
    message = schema.field("messages").type.value_type
    names = [field.name for field in message]
    assert names == ["role", "content", "reasoning", "tool_calls", "train", "name", "tool_call_id"]
    assert str(message.field("tool_calls").type.value_type.field("arguments").type) == "string"


def test_a_page_of_a_side_is_that_part_of_the_whole_side(home, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 7)  # many row groups from few conversations
    staged = build.stage([write(tmp_path / "a.json", [sharegpt(f"Q {n}") for n in range(60)])], validation_fraction=0.4)
    assert pq.ParquetFile(staged.path / parquet.FILE_NAME).num_row_groups == 9
    for split in (None, "train", "validation"):
        whole = list(staged.conversations(split))
        assert len(whole) > 14
        for start, limit in ((0, 5), (6, 3), (7, 7), (13, None), (len(whole) - 1, 10), (len(whole), 1), (3, 0)):
            page = whole[start:] if limit is None else whole[start : start + limit]
            assert list(staged.conversations(split, start, limit)) == page
    numbers = [conversation.origin.record for conversation in staged.conversations()]
    assert numbers == list(range(1, 61))


def test_duplicates_are_counted_kept_and_on_one_side(home, tmp_path):
    records = [sharegpt(f"Q {number}") for number in range(20)] + [
        sharegpt("q   3", "AN answer"),
        sharegpt("Q 3", "new"),
    ]
    staged = build.stage([write(tmp_path / "a.json", records)], validation_fraction=0.5)
    assert staged.report["duplicates"] == 1
    assert staged.report["kept"] == 22
    for split in ("train", "validation"):
        found = {conversation.origin.record for conversation in staged.conversations(split)}
        assert len(found & {4, 21, 22}) in (0, 3)


def test_two_openings_are_enough_for_both_sides(home, tmp_path):
    for number in range(12):
        records = [sharegpt(f"First {number}"), sharegpt(f"Second {number}")]
        staged = build.stage([write(tmp_path / "a.json", records)])
        assert staged.report["splits"] == {"train": 1, "validation": 1}
        assert len(list(staged.conversations("validation"))) == 1


def test_a_fraction_of_zero_holds_nothing_out(home, tmp_path):
    staged = build.stage([write(tmp_path / "a.json", [sharegpt(f"Q {n}") for n in range(20)])], validation_fraction=0)
    assert staged.report["splits"] == {"train": 20, "validation": 0}


def test_files_of_two_formats_make_one_dataset_and_equal_names_stay_apart(home, tmp_path):
    (tmp_path / "other").mkdir()
    one = write(tmp_path / "a.json", [sharegpt("Hello")])
    two = write(tmp_path / "other" / "a.json", [{"instruction": "Say hi", "input": "", "output": "Hi"}])
    report = build.stage([one, two]).report
    assert report["format"] == "mixed"
    assert report["formats"] == {"a.json": "sharegpt", "a.json (2)": "alpaca"}
    assert report["kept"] == 2


def test_a_file_that_cannot_be_read_beside_a_good_one_is_named_in_the_report(home, tmp_path):
    picture = tmp_path / "cat.json"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    report = build.stage([write(tmp_path / "a.json", [sharegpt("Hello")]), SourceFile(picture, "cat.json")]).report
    assert report["kept"] == 1
    assert report["read"] == 1 + sum(report["rejected"].values())
    assert {problem["file"] for problem in report["problems"]} == {"cat.json"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", b""),
        ("picture.json", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4),
        ("words.json", b"just some words\n"),
        ("list.json", b"[]"),
        ("config.json", b'{"learning_rate": 1}'),
    ],
)
def test_a_file_with_nothing_to_use_is_named_with_what_is_wrong_and_leaves_nothing_behind(
    home, tmp_path, name, content
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        build.stage([SourceFile(tmp_path / name, name)])
    assert name in caught.value.given
    assert caught.value.why and caught.value.todo
    assert staging() == []


def test_where_no_record_can_be_used_the_commonest_reason_is_told_with_a_place(home, tmp_path):
    nobody: dict[str, object] = {"conversations": [{"from": "human", "value": "hello?"}]}
    with pytest.raises(UserError) as caught:
        build.stage([write(tmp_path / "a.json", [{"conversations": 3}, nobody, nobody])])
    assert "2 of 3" in caught.value.why
    assert "a.json, record 2" in caught.value.why
    assert staging() == []


def test_a_missing_file_a_folder_and_no_file_are_told_apart(home, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        build.stage([SourceFile(tmp_path / "gone.json", "gone.json")])
    with pytest.raises(UserError, match="folder"):
        build.stage([SourceFile(tmp_path, "chats")])
    with pytest.raises(UserError, match="nothing to convert"):
        build.stage([])


def test_an_unknown_format_is_refused_with_those_there_are(home, tmp_path):
    with pytest.raises(UserError, match="sharegpt, alpaca, messages"):
        build.stage([write(tmp_path / "a.json", [sharegpt("Hello")])], reading=Reading(format="csv"))


def test_half_a_character_is_rejected_and_not_a_crash(home, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([sharegpt("Hello"), sharegpt("Half \ud83d of it")]))
    report = build.stage([SourceFile(path, "a.json")]).report
    assert report["read"] == 2
    assert report["kept"] + sum(report["rejected"].values()) == 2


def test_progress_is_told_up_to_the_last_record(home, tmp_path):
    told: list[int] = []
    build.stage([write(tmp_path / "a.json", [sharegpt(f"Q {n}") for n in range(450)])], progress=told.append)
    assert told[-1] == 450
    assert told == sorted(set(told))


def test_ctrl_c_while_converting_leaves_no_staging_folder(home, tmp_path):
    def interrupt(read: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.stage([write(tmp_path / "a.json", [sharegpt("Hello")])], progress=interrupt)
    assert staging() == []


def test_what_was_staged_can_be_opened_by_its_id_until_it_is_saved_or_discarded(home, tmp_path):
    file = write(tmp_path / "a.json", [sharegpt("Hello")])
    first, second = build.stage([file]), build.stage([file])
    assert build.open_staged(first.id).report == first.report
    build.save(first, "mine")
    build.discard(second)
    build.discard(second)
    for id in (first.id, second.id, "../mine", "", "0" * 16):
        with pytest.raises(UserError):
            build.open_staged(id)


def test_staging_folders_older_than_a_day_are_cleared_and_younger_ones_stay(home, tmp_path):
    file = write(tmp_path / "a.json", [sharegpt("Hello")])
    old, young = build.stage([file]), build.stage([file])
    long_ago = time.time() - 90_000
    os.utime(old.path, (long_ago, long_ago))
    third = build.stage([file])
    assert {path.name for path in staging()} == {young.id, third.id}


def test_the_source_records_the_files_with_their_sums(home, tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"instruction": "Say hi", "output": "Hi"}]')
    version = build.save(build.stage([SourceFile(path, "a.json")]), "mine")
    (file,) = version.source["files"]
    assert file == {
        "name": "a.json",
        "bytes": 43,
        "sha256": "7c828442a87fe728365ca737db24c88c25c4c1f9bb414cd1f3713ee7a702f739",
    }
    assert version.source["created"].endswith("+00:00")


def test_nothing_but_the_dataset_is_left_once_it_is_saved(home, tmp_path):
    version = build.save(build.stage([write(tmp_path / "a.json", [sharegpt("Hello")])]), "mine")
    names = sorted(path.name for path in version.path.iterdir())
    assert names == ["conversations.parquet", "rejected.jsonl", "report.json", "source.json"]
    assert staging() == []
    assert versions.find("mine") == version


def test_a_file_that_is_too_much_is_told_in_the_report_beside_what_was_kept(home, tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "_LEAST", 40 << 20)
    monkeypatch.setattr(readers, "_MOST", 40 << 20)
    line = json.dumps(sharegpt("Hello"))
    huge = json.dumps(sharegpt("word " * 6_000_000))
    some, none, whole = tmp_path / "some.jsonl", tmp_path / "none.jsonl", tmp_path / "whole.jsonl"
    some.write_text("\n".join([*[line] * 1200, huge, line]))
    none.write_text(huge)
    whole.write_text(line)
    report = build.stage([SourceFile(path, path.name) for path in (some, none, whole)]).report
    assert report["rejected"] == {"limit": 2}
    assert [(each["name"], each["format"], each["kept"]) for each in report["files"]] == [
        ("some.jsonl", "sharegpt", 1200),
        ("none.jsonl", "", 0),
        ("whole.jsonl", "sharegpt", 1),
    ]
