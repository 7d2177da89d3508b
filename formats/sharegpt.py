"""ShareGPT: {"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}], "system", "tools"}."""

from __future__ import annotations

import json
from typing import Any

from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem
from formats.repair import problem_in
from formats.turns import read_turns
from formats.values import first_of

LISTS = ("conversations", "conversation", "items", "dialog")
KEYS = (
    ("from", "value"),
    ("role", "content"),
    ("from", "text"),
    ("role", "value"),
    ("speaker", "text"),
    ("from", "content"),
)
_NAMES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def read(record: object, origin: Origin) -> Conversation | RowProblem:
    """The conversation in a ShareGPT record, or why there is none. A bare list of turns is read too."""
    if isinstance(record, list):
        return read_turns({}, record, "record", KEYS, origin)
    if not isinstance(record, dict):
        return problem_in(
            origin, None, None, "not_a_record", "it is not an object.", "Write each record as an object.", record
        )
    field, turns = first_of(record, *LISTS)
    return read_turns(record, turns, field, KEYS, origin)


def write(conversation: Conversation) -> dict[str, Any]:
    """The record that `read` gives `conversation` back from."""
    turns = [turn for message in conversation.messages for turn in _turns(message)]
    record: dict[str, Any] = {"conversations": turns}
    if conversation.tools:
        record["tools"] = "[" + ", ".join(conversation.tools) + "]"
    return record


def _turns(message: Message) -> list[dict[str, Any]]:
    extra: dict[str, Any] = {} if message.train else {"train": False}
    if message.tool_calls and not message.content and not message.reasoning:
        return [{"from": "function_call", "value": _calls(message), **extra}]
    turn = {"from": _NAMES[message.role], "value": message.content, **extra}
    if message.reasoning is not None:
        turn["reasoning"] = message.reasoning
    if message.tool_calls:
        turn["tool_calls"] = json.loads(_calls(message))
    return [turn]


def _calls(message: Message) -> str:
    calls = [
        f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {call.arguments}}}'
        for call in message.tool_calls
    ]
    return calls[0] if len(calls) == 1 else "[" + ", ".join(calls) + "]"
