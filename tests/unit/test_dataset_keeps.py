"""What a dataset keeps is what was in the file, also when two processes save at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from formats import messages, sharegpt
from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.dataset import build, parquet, versions
from ft.dataset.build import SourceFile

CHAT = Conversation(
    (
        Message("system", "Be kind.\n"),
        Message("user", "Weather \u00e9 \U0001f600 \x00 \u2028?"),
        Message("assistant", "", None, (ToolCall("weather", '{"city": "Rome"}'), ToolCall("time", "{}"))),
        Message("tool", ""),
        Message("tool", "12:00"),
        Message("assistant", "Clear.", reasoning="It says so.", train=False),
        Message("user", "And now?"),
        Message("assistant", "Rain."),
    ),
    Origin("chats.json", 1),
    tools=('{"name": "weather"}', '{"name": "time"}'),
)


@pytest.mark.parametrize("one", [sharegpt, messages])
def test_a_chat_comes_back_from_a_saved_dataset_as_it_was_written_to_the_file(home, tmp_path, one):
    path = tmp_path / "chats.json"
    path.write_text(json.dumps([one.write(CHAT)]), encoding="utf-8")
    version = build.save(build.stage([SourceFile(path, path.name)]), "mine")
    assert list(version.conversations()) == [CHAT]


def test_long_tools_calls_and_reasoning_end_a_group_of_rows_as_long_turns_do(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "CHARACTERS_A_GROUP", 1000)
    call = (ToolCall("f", json.dumps({"x": "y" * 300})),)
    long = Conversation((Message("user", "a"), Message("assistant", "", "z" * 300, call)), CHAT.origin, ("t" * 500,))
    with parquet.ConversationWriter(tmp_path / "c.parquet") as writer:
        for _ in range(4):
            writer.add(long, "train")
    with parquet.pq.ParquetFile(tmp_path / "c.parquet") as file:
        assert file.num_row_groups == 4


def test_the_same_name_saved_by_several_processes_at_once_gives_whole_versions(home, tmp_path):
    files = []
    for number in range(3):
        path = tmp_path / f"{number}.jsonl"
        rows = [json.dumps({"instruction": f"{number} {n}", "output": "b"}) for n in range(50)]
        path.write_text("\n".join(rows))
        files.append(path)
    command = [sys.executable, "-m", "ft", "convert", "--name", "same"]
    running = [subprocess.Popen([*command, str(file)], stdout=subprocess.DEVNULL) for file in files]
    assert [each.wait(timeout=120) for each in running] == [0, 0, 0]
    saved = versions.list_versions("same")
    assert [each.version for each in saved] == ["v3", "v2", "v1"]
    found = []
    for each in saved:
        chats = list(each.conversations())
        assert len(chats) == 50 and each.report["version"] == each.version
        (name,) = {chat.origin.file for chat in chats}
        assert {chat.messages[0].content.split()[0] for chat in chats} == {Path(name).stem}
        assert [file["name"] for file in each.source["files"]] == [name]
        found.append(name)
    assert sorted(found) == ["0.jsonl", "1.jsonl", "2.jsonl"]
