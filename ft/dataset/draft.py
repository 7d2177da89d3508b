"""A conversation that a person is writing: turns as plain values that a form can hold, checked before they are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from formats.conversation import Conversation, Message, Origin, Role, ToolCall
from formats.repair import one_speaker
from ft.errors import UserError

BY_HAND = Origin("written by hand", 1)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn in a form. `calls`: its tool calls as JSON text of a list of {"name", "arguments", "id"}; "" is none."""

    role: Role
    content: str = ""
    train: bool = True
    reasoning: str = ""
    calls: str = ""
    name: str = ""
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A conversation in a form. `tools` are the tool definitions as JSON text of a list; "" is none."""

    turns: tuple[Turn, ...]
    tools: str = ""


EMPTY = Draft((Turn("user"), Turn("assistant")))


def draft(conversation: Conversation) -> Draft:
    """The conversation as a form holds it; `conversation(draft(it), it.origin)` gives it back."""
    turns = [
        Turn(m.role, m.content, m.train, m.reasoning or "", _calls(m), m.name or "", m.tool_call_id or "")
        for m in conversation.messages
    ]
    tools = [json.loads(tool) for tool in conversation.tools]
    return Draft(tuple(turns), json.dumps(tools, indent=2, ensure_ascii=False) if tools else "")


def _calls(message: Message) -> str:
    calls = [
        {"name": call.name, "arguments": json.loads(call.arguments), **({"id": call.id} if call.id else {})}
        for call in message.tool_calls
    ]
    return json.dumps(calls, indent=2, ensure_ascii=False) if calls else ""


def conversation(written: Draft, origin: Origin = BY_HAND, repairs: Sequence[str] = ()) -> Conversation:
    """The conversation that a person wrote.

    Raises:
        UserError: which turn cannot be used, why, and what to do.
    """
    messages: list[Message] = []
    for number, turn in enumerate(written.turns, 1):
        message = _message(turn, number)
        if messages and one_speaker(messages[-1], message):
            raise UserError(
                f"turn {number}", f"it is the {message.role}'s, and so is the turn before it.", "Join the two."
            )
        if message.role == "system" and messages:
            raise UserError(f"turn {number}", "a system turn stands first, or not at all.", "Move or remove it.")
        messages.append(message)
    if not messages or messages[-1].role != "assistant":
        why = "it does not end with the assistant's turn, so there is no reply to learn at its end."
        raise UserError("the conversation", why, "Add the assistant's reply, or remove the turns after the last one.")
    if all(message.role == "assistant" for message in messages):
        raise UserError("the conversation", "there is no prompt that the reply answers.", "Add the user's turn.")
    return Conversation(tuple(messages), origin, _tools(written.tools), tuple(repairs))


def _message(turn: Turn, number: int) -> Message:
    where = f"turn {number}"
    if turn.role not in get_args(Role):
        raise UserError(where, f"there is no role {turn.role!r}.", f"Use one of: {', '.join(get_args(Role))}.")
    calls = _read_calls(turn.calls, where)
    if calls and turn.role != "assistant":
        raise UserError(where, f"the {turn.role} calls a tool; only the assistant can.", "Move the call.")
    if not turn.content.strip() and not calls and turn.role != "tool":
        raise UserError(where, "it is empty.", "Write its text, or remove the turn.")
    reasoning = turn.reasoning if turn.reasoning.strip() else None
    return Message(
        turn.role,
        turn.content,
        reasoning,
        calls,
        turn.train,
        turn.name.strip() or None,
        turn.tool_call_id.strip() or None,
    )


def _read_calls(text: str, where: str) -> tuple[ToolCall, ...]:
    fix = 'Write them as [{"name": ..., "arguments": {...}}].'
    calls = []
    for call in _list(text, f"{where}, tool calls", fix):
        arguments = call.get("arguments", {})
        name, id = call.get("name"), call.get("id")
        if not isinstance(name, str) or not name or not isinstance(arguments, dict):
            raise UserError(f"{where}, tool calls", "a call has no name, or its arguments are no object.", fix)
        calls.append(ToolCall(name, json.dumps(arguments, ensure_ascii=False), id and str(id)))
    return tuple(calls)


def _tools(text: str) -> tuple[str, ...]:
    fix = "Give a list of tool definitions, each a JSON object."
    return tuple(json.dumps(tool, ensure_ascii=False) for tool in _list(text, "the tools", fix))


def _list(text: str, given: str, fix: str) -> list[dict[str, Any]]:
    """The objects of a JSON list."""
    if not text.strip():
        return []
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(given, f"that is not valid JSON ({error}).", fix) from error
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise UserError(given, "that is no list of objects.", fix)
    return found
