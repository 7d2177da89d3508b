"""OpenAI messages: {"messages": [{"role": "user", "content": ...}, {"role": "assistant", ...}], "tools"}."""

from __future__ import annotations

import json
from typing import Any

from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem
from formats.repair import problem_in
from formats.turns import read_turns

KEYS = (("role", "content"), ("role", "value"), ("from", "value"), ("role", "text"))


def read(record: object, origin: Origin) -> Conversation | RowProblem:
    """The conversation in a record of OpenAI messages, or why there is none. A bare list of messages is read too."""
    if isinstance(record, list):
        return read_turns({}, record, "record", KEYS, origin)
    if not isinstance(record, dict):
        return problem_in(
            origin, None, None, "not_a_record", "it is not an object.", "Write each record as an object.", record
        )
    return read_turns(record, record.get("messages"), "messages", KEYS, origin)


def write(conversation: Conversation) -> dict[str, Any]:
    """The record that `read` gives `conversation` back from."""
    record: dict[str, Any] = {"messages": [_turn(message) for message in conversation.messages]}
    if conversation.tools:
        record["tools"] = [json.loads(tool) for tool in conversation.tools]
    return record


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning is not None:
        turn["reasoning_content"] = message.reasoning
    if message.tool_calls:
        turn["tool_calls"] = [
            {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if not message.train:
        turn["train"] = False
    return turn
