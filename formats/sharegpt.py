"""ShareGPT: {"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}], "system", "tools"}."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from formats import thoughts
from formats.conversation import Conversation, Message, Origin
from formats.message_rows import refuse_several
from formats.problems import RowProblem
from formats.repair import problem_in
from formats.turns import LISTS, read_turns, turns_key

_NAMES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
_NOTHING: frozenset[str] = frozenset()


def read(record: object, origin: Origin, off: Set[str] = _NOTHING) -> Conversation | RowProblem:
    """The conversation in a ShareGPT record, or why there is none. A bare list of turns is read too.

    `off` are the codes of repairs that are switched off (see `formats.repair`).
    """
    if isinstance(record, list):
        refuse_several(record, "record")
        return read_turns({}, record, "record", origin, off)
    if not isinstance(record, dict):
        return problem_in(
            origin, None, None, "not_a_record", "it is not an object.", "Write each record as an object.", record
        )
    field = turns_key(record)[0] or LISTS[0]
    if isinstance(record.get(field), list):
        refuse_several(record[field], field)
    return read_turns(record, record.get(field), field, origin, off)


def write(conversation: Conversation) -> dict[str, Any]:
    """The record that `read` gives `conversation` back from."""
    turns = [_turn(message) for message in conversation.messages]
    record: dict[str, Any] = {"conversations": turns}
    if conversation.tools:
        record["tools"] = "[" + ", ".join(conversation.tools) + "]"
    return record


def _turn(message: Message) -> dict[str, Any]:
    extra: dict[str, Any] = {} if message.train else {"train": False}
    if message.name is not None:
        extra["name"] = message.name
    if message.tool_call_id is not None:
        extra["tool_call_id"] = message.tool_call_id
    if message.tool_calls and not message.content and message.reasoning is None and message.name is None:
        return {"from": "function_call", "value": _calls(message), **extra}
    turn: dict[str, Any] = {"from": _NAMES[message.role], "value": message.content, **extra}
    if message.reasoning is not None:
        # A word such as "low" would be read as a setting of how to think under the usual key.
        key = "reasoning" if thoughts.says_something(message.reasoning) else "reasoning_content"
        turn[key] = message.reasoning
    if message.tool_calls:
        turn["tool_calls"] = json.loads(_calls(message))
    return turn


def _calls(message: Message) -> str:
    calls = [_call(call.name, call.arguments, call.id) for call in message.tool_calls]
    return calls[0] if len(calls) == 1 else "[" + ", ".join(calls) + "]"


def _call(name: str, arguments: str, id: str | None) -> str:
    before = "" if id is None else f'"id": {json.dumps(id, ensure_ascii=False)}, '
    return f'{{{before}"name": {json.dumps(name, ensure_ascii=False)}, "arguments": {arguments}}}'
