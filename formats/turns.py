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
        tools = values.tool_list(values.first_of(record, "tools", "functions")[1])
        messages: list[Message] = []
        repairs: list[str] = []
        for number, turn in enumerate(turns, 1):
            place = number
            messages.append(_message(turn, keys, repairs))
        place = None
        key, column = values.first_of(record, "system", "system_prompt")
        system = values.content_text(column, key, repairs)
        # A first system turn wins over a system column.
        if system.strip() and not (messages and messages[0].role == "system"):
            messages.insert(0, Message("system", system))
        elif system.strip() not in ("", messages[0].content.strip() if messages else ""):
            repairs.append("system_column_ignored")
    except Unusable as error:
        return problem_in(origin, place, error.field, error.code, error.problem, error.fix, record)
    return mend(messages, origin, tools=tools, repairs=repairs, raw=record)


def _message(turn: object, keys: Sequence[tuple[str, str]], repairs: list[str]) -> Message:
    """The message in a turn; what had to be mended in it is added to `repairs`."""
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
        return Message("assistant", "", tool_calls=calls, train=train)
    role = values.ROLE_OF.get(role_name)
    if role is None:
        known = ", ".join(sorted(values.ROLE_OF))
        raise Unusable(role_key, "unknown_role", f"the role {str(said)[:60]!r} is not known.", f"Use one of: {known}.")
    if role_name not in values.USUAL:
        repairs.append("role_normalised")
    content = values.content_text(turn.get(content_key), content_key, repairs)
    raw_calls = turn.get("tool_calls") or turn.get("function_call")
    calls = () if values.missing(raw_calls) else values.tool_calls(raw_calls or [], "tool_calls")
    if calls and role != "assistant":
        fix = "Move the call to the assistant's turn."
        raise Unusable("tool_calls", "bad_tool_call", f"the {role} calls a tool; only the assistant can.", fix)
    key, thought = values.first_of(turn, "reasoning_content", "reasoning")
    return Message(role, content, values.content_text(thought, key, repairs) or None, calls, train)


def _names(turn: dict[str, Any]) -> str:
    return ", ".join(str(key)[:30] for key in list(turn)[:6]) or "no keys"
