"""What stands in the zip that a chat site hands out beside its chats: instructions are kept, other files are named."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from formats.conversation import Conversation, Message, Origin
from formats.convert import convert, convert_record
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading
from ft.cli import main
from ft.dataset import build

ABOUT = {"about_user_message": "I am a vet.", "about_model_message": "Be short."}
FENCED = {
    "user_profile": "The user told of themselves:\n```I am a vet.```",
    "user_instructions": "How:\n```Be short.```",
}
MEMORY = {"content_type": "model_editable_context", "model_set_context": "1. Has two dogs."}


def chat(*nodes: tuple[str, dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """A chat of an export: (role, content, metadata) of the messages of its one branch."""
    mapping = {
        str(number): {
            "parent": str(number - 1) if number else None,
            "message": {"author": {"role": role}, "content": content, "metadata": metadata},
        }
        for number, (role, content, metadata) in enumerate(nodes)
    }
    return {"title": "x", "mapping": mapping, "current_node": str(len(nodes) - 1)}


def said(role: str, text: str, **metadata: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return role, {"content_type": "text", "parts": [text]}, metadata


def instructions(**metadata: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    hidden = {"is_visually_hidden_from_conversation": True, "is_user_system_message": True}
    return "user", {"content_type": "user_editable_context", **FENCED}, {**hidden, **metadata}


ASKED = (said("user", "a"), said("assistant", "b"))
TURNS = (Message("user", "a"), Message("assistant", "b"))
GIVEN = {
    "in the person's own words": ([instructions(user_context_message_data=ABOUT)], "I am a vet.\n\nBe short."),
    "as the site wrote them": ([instructions()], f"{FENCED['user_profile']}\n\n{FENCED['user_instructions']}"),
    "half of them": (
        [instructions(user_context_message_data={"about_model_message": "Be short.", "about_user_message": ""})],
        "Be short.",
    ),
    "and what was remembered": (
        [instructions(user_context_message_data=ABOUT), ("assistant", MEMORY, {})],
        "I am a vet.\n\nBe short.\n\n1. Has two dogs.",
    ),
    "twice": ([instructions(user_context_message_data=ABOUT)] * 2, "I am a vet.\n\nBe short."),
    "beside a system message": (
        [said("system", "s"), instructions(user_context_message_data=ABOUT)],
        "I am a vet.\n\nBe short.\n\ns",
    ),
}


@pytest.mark.parametrize("name", GIVEN)
def test_custom_instructions_are_the_system_message(name, tmp_path):
    before, expected = GIVEN[name]
    record = chat(said("system", ""), *before, *ASKED)
    found = convert_record(record, Origin("f", 1))
    assert isinstance(found, Conversation) and found.messages == (Message("system", expected), *TURNS)
    assert found.repairs == ("custom_instructions",)


def test_custom_instructions_can_be_left_out_and_are_counted_then(tmp_path):
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([chat(instructions(), ("assistant", MEMORY, {}), *ASKED), chat(*ASKED)]))
    notes = Notes()
    one, other = convert(path, reading=Reading(repairs={"custom_instructions": False}), notes=notes)
    assert one.messages == other.messages == TURNS and one.repairs == ()
    assert notes.ignored["mapping.user_editable_context"] == notes.ignored["mapping.model_editable_context"] == 1
    notes = Notes()
    list(convert(path, notes=notes))
    assert not [key for key in notes.ignored if "context" in key]
    assert [each.origin.record for each in notes.examples["custom_instructions"]] == [1]


def test_instructions_that_hold_nothing_are_none():
    empty = ("user", {"content_type": "user_editable_context", "user_profile": "", "user_instructions": ""}, {})
    found = convert_record(chat(empty, *ASKED), Origin("f", 1))
    assert found.messages == TURNS and found.repairs == ()


def test_what_the_site_keeps_for_itself_is_counted(tmp_path):
    recap = ("assistant", {"content_type": "reasoning_recap", "content": "Thought for 12 seconds"}, {})
    hidden = said("system", "secret", is_visually_hidden_from_conversation=True)
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([chat(said("system", ""), hidden, ASKED[0], recap, ASKED[1])]))
    notes = Notes()
    list(convert(path, notes=notes))
    assert (notes.ignored["mapping.reasoning_recap"], notes.ignored["mapping.text"]) == (1, 1)


CHATS = json.dumps([chat(*ASKED), chat(said("user", "c"), said("assistant", "d"))])
FILES = {
    "chat.html": "<html><body>...",
    "user.json": json.dumps({"id": "user-1", "email": "ada@example.org"}),
    "message_feedback.json": json.dumps([{"id": 1, "rating": "thumbs_up", "content": "{}"}]),
    "shared_conversations.json": json.dumps([{"id": 1, "conversation_id": 2, "title": "x"}]),
    "user_settings.json": "{}",
    "file-abc-cat.png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "dalle/image.webp": b"RIFF" + bytes(64),
}
OF_CLAUDE = {"users.json": "[]", "projects.json": json.dumps([{"uuid": 1, "name": "x"}]), "memories.json": "[]"}


def export(path: Path, files: dict[str, str | bytes], chats: str = "conversations.json", folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, chats: CHATS}.items():
            archive.writestr(folder + name, content)
    return path


@pytest.mark.parametrize("folder", ["", "export/"])
@pytest.mark.parametrize("chats", ["conversations.json", "conversations-000.json"])
@pytest.mark.parametrize("files", [FILES, OF_CLAUDE], ids=["ChatGPT", "Claude"])
def test_the_other_files_of_an_export_are_named_and_no_rejected_records(tmp_path, files, chats, folder):
    notes = Notes()
    items = list(convert(export(tmp_path / "x.zip", files, chats, folder), notes=notes))
    assert len(items) == 2 and all(isinstance(each, Conversation) for each in items)
    formats = {name.removeprefix(f"x.zip/{folder}"): detection for name, detection in notes.formats.items()}
    assert formats.keys() == {*files, chats} and formats.pop(chats).format == "chatgpt"
    assert all(each.format == "" and "beside its chats" in each.reason for each in formats.values())


def test_files_of_these_names_are_read_where_there_is_no_export(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("user.json", json.dumps([{"prompt": "a", "completion": "b"}]))
        archive.writestr("cat.png", FILES["file-abc-cat.png"])
    pair, picture = convert(tmp_path / "x.zip")
    assert isinstance(pair, Conversation) and picture.code == "not_text"


def test_the_report_names_the_other_files_of_an_export(home, tmp_path, capsys):
    path = export(tmp_path / "x.zip", FILES)
    report = build.stage([build.SourceFile(path, "x.zip")]).report
    assert (report["read"], report["kept"], report["rejected"]) == (2, 2, {})
    files = {each["name"]: each for each in report["files"]}
    assert files["x.zip/user.json"]["read"] == 0 and "account" in files["x.zip/user.json"]["reason"]
    assert main(["convert", str(path), "--name", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "Passed over x.zip/chat.html" in shown and "Nothing in" not in shown and "Rejected" not in shown


def test_a_file_without_a_record_has_no_format_even_beside_one_that_has(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "Dear diary")
        archive.writestr("chats.json", CHATS)
        archive.writestr("z.json", "[")
    notes = Notes()
    items = list(convert(tmp_path / "x.zip", notes=notes))
    assert sum(isinstance(each, RowProblem) for each in items) == 2
    assert {name: each.format for name, each in notes.formats.items() if each.format} == {"x.zip/chats.json": "chatgpt"}


@pytest.mark.parametrize("start", ["<html><head>", "<!DOCTYPE html>\n<html>", "\n<HTML lang='en'>"])
def test_a_web_page_is_named_with_the_file_to_bring_instead(tmp_path, start):
    (tmp_path / "chat.html").write_text(f"{start}<body>var jsonData = [];")
    (problem,) = convert(tmp_path / "chat.html")
    assert "web page" in problem.problem and "conversations.json" in problem.fix
