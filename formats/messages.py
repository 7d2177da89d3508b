"""OpenAI messages: {"messages": [{"role": "user", "content": ...}, {"role": "assistant", ...}], "tools"}."""

from __future__ import annotations

import json
from typing import Any

from formats import sharegpt
from formats.conversation import Conversation, Message

# Both formats are lists of turns with a role and a text, and people mix their spellings: one reader takes either.
read = sharegpt.read


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
            {
                **({} if call.id is None else {"id": call.id}),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.name is not None:
        turn["name"] = message.name
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    if not message.train:
        turn["train"] = False
    return turn
