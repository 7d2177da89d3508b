"""A list of raw turns -> messages: what ShareGPT and OpenAI messages have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from formats import values
from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.values import Unusable


def read_turns(
    record: dict[str, Any], turns: object, field: str, keys: Sequence[tuple[str, str]], origin: Origin
) -> Conversation | RowProblem:
    """The conversation in `turns`, a list under record[field] whose turns name role and content by a pair of `keys`."""
    place: int | None = None
    try:
        if not isinstance(turns, list):
            raise Unusable(field, "no_turns", f"its {field} is no list of turns.", f"Put the turns in a list: {field}.")
        tools = values.tool_list(record.get("tools", record.get("functions")))
        messages: list[Message] = []
        repairs: list[str] = []
        for number, turn in enumerate(turns, 1):
            place = number
            message, unusual = _message(turn, keys)
            messages.append(message)
            if unusual:
                repairs.append("role_normalised")
        place = None
        system = record.get("system", record.get("system_prompt"))
        # A first system turn wins over a system column.
        if isinstance(system, str) and system.strip() and not (messages and messages[0].role == "system"):
            messages.insert(0, Message("system", system))
    except Unusable as error:
        return problem_in(origin, place, error.field, error.code, error.problem, error.fix, record)
    return mend(messages, origin, tools=tools, repairs=repairs, raw=record)


def _message(turn: object, keys: Sequence[tuple[str, str]]) -> tuple[Message, bool]:
    if not isinstance(turn, dict):
        raise Unusable(None, "bad_turn", "it is not an object with a role and a text.", "Write each turn as an object.")
    for role_key, content_key in keys:
        if role_key in turn and (content_key in turn or turn.get("tool_calls") or turn.get("function_call")):
            break
    else:
        wanted = " or ".join(f"{role} and {content}" for role, content in keys[:2])
        raise Unusable(
            None,
            "no_role_or_text",
            f"it has {_names(turn)}, where {wanted} were expected.",
            "Rename the keys of this turn.",
        )
    said = turn[role_key]
    role_name = said.strip().lower() if isinstance(said, str) else ""
    train = values.is_trained(turn)
    if role_name in values.CALL_ROLES:
        calls = values.tool_calls(turn.get(content_key), content_key)
        return Message("assistant", "", tool_calls=calls, train=train), False
    role = values.ROLE_OF.get(role_name)
    if role is None:
        known = ", ".join(sorted(values.ROLE_OF))
        raise Unusable(role_key, "unknown_role", f"the role {str(said)[:60]!r} is not known.", f"Use one of: {known}.")
    content = values.content_text(turn.get(content_key), content_key)
    raw_calls = turn.get("tool_calls") or turn.get("function_call")
    calls = values.tool_calls(raw_calls, "tool_calls") if raw_calls and role == "assistant" else ()
    reasoning = turn.get("reasoning_content", turn.get("reasoning"))
    message = Message(role, content, reasoning if isinstance(reasoning, str) else None, calls, train)
    return message, role_name not in values.USUAL


def _names(turn: dict[str, Any]) -> str:
    return ", ".join(str(key)[:30] for key in list(turn)[:6]) or "no keys"
