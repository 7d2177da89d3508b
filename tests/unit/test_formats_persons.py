"""A column that names a person or a thing never tells the conversation: one person has several of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from formats.conversation import Conversation
from formats.convert import convert
from formats.guess import guess
from formats.message_rows import conversation_key

NAMES = [
    *("user_id", "userId", "User ID", "author_id", "sender_id", "from_id", "customer_id", "client_id", "speaker_id"),
    *("account_id", "worker_id", "annotator_id", "rater_uuid", "agent_id", "end_user_id", "device_id", "tenant_id"),
]
# Two chats of one person, and one of another.
SAID = [(7, "a"), (7, "b"), (7, "c"), (7, "d"), (8, "e"), (8, "f")]


def rows(key: str) -> list[dict[str, Any]]:
    return [
        {key: id, "role": ("user", "assistant")[place % 2], "content": text} for place, (id, text) in enumerate(SAID)
    ]


def codes(path) -> list[str]:
    return ["chat" if isinstance(each, Conversation) else each.code for each in convert(path)]


@pytest.mark.parametrize("name", NAMES)
def test_the_chats_of_one_person_are_never_one_conversation(tmp_path, name):
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, rows(name))))
    assert codes(tmp_path / "f.jsonl") == ["message_row"] * 6
    (tmp_path / "f.json").write_text(json.dumps(rows(name)))
    assert codes(tmp_path / "f.json") == ["several_conversations"]


@pytest.mark.parametrize("name", NAMES)
def test_nor_is_such_a_column_guessed_to_tell_it(name):
    table = [
        {name: f"u-{row[name]}", "who": row["role"], "said": f"{row['content']} {row['content']}"} for row in rows(name)
    ]
    assert guess(table)[0] is None or not guess(table)[0].conversation


@pytest.mark.parametrize("name", ["sample_id", "user_session_id", "task_uuid", "issue_id"])
def test_other_ids_that_stay_the_same_still_tell_it(name):
    assert conversation_key(rows(name)) == name


def test_the_people_of_one_chat_have_ids_of_their_own(tmp_path):
    chat = [{**row, "user_id": row["role"]} for row in rows("n")]
    (tmp_path / "f.json").write_text(
        json.dumps([{key: row[key] for key in ("user_id", "role", "content")} for row in chat])
    )
    assert codes(tmp_path / "f.json") == ["chat"]


def test_an_id_of_a_conversation_beside_that_of_a_person_tells_it(tmp_path):
    table = [{**row, "chat_id": place // 2} for place, row in enumerate(rows("user_id"))]
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, table)))
    assert codes(tmp_path / "f.jsonl") == ["chat"] * 3
