"""What the formats share: reading text, tools, tool calls and training flags out of raw values."""

from __future__ import annotations

import json
from typing import Any

from formats.conversation import Role, ToolCall

# What a role is called in people's files; the first of each row is the usual spelling of ShareGPT or OpenAI.
_SPELLINGS: dict[Role, tuple[str, ...]] = {
    "user": ("human", "user", "prompter", "question"),
    "assistant": ("gpt", "assistant", "chatgpt", "bing", "bard", "bot", "model", "ai", "claude"),
    "system": ("system", "developer"),
    "tool": ("tool", "observation", "observations", "function_response", "ipython", "function"),
}
ROLE_OF: dict[str, Role] = {spelling: role for role, names in _SPELLINGS.items() for spelling in names}
CALL_ROLES = frozenset({"function_call", "tool_call", "tool_calls"})
USUAL = frozenset(
    {
        "human",
        "user",
        "gpt",
        "assistant",
        "system",
        "tool",
        "observation",
        "function_call",
        "tool_call",
        "function_response",
    }
)
_FLAGS = ("train", "loss", "weight", "loss_weight")


class Unusable(ValueError):
    """A raw value that cannot be read: the field it stands in, a code, what is wrong and what to do about it."""

    def __init__(self, field: str | None, code: str, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.field, self.code, self.problem, self.fix = field, code, problem, fix


def content_text(value: object, field: str) -> str:
    """The text of a turn: a string, nothing, or a list of text parts ({"type": "text", "text" or "value": ...})."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, list):
        fix = "Put the turn's text there as a string."
        raise Unusable(field, "not_text", f"it is {_kind(value)}, where text was expected.", fix)
    parts = []
    for part in value:
        if isinstance(part, str):
            parts.append(part)
            continue
        kind = str(part.get("type", "text")) if isinstance(part, dict) else _kind(part)
        found = part.get("text", part.get("value")) if isinstance(part, dict) else None
        if "text" not in kind or not isinstance(found, str):
            raise Unusable(
                field,
                "not_text_part",
                f"it holds a part of type {kind!r}; only text can be trained on.",
                "Leave it out.",
            )
        parts.append(found)
    return "\n".join(parts)


def tool_list(value: object) -> tuple[str, ...]:
    """Tool definitions as JSON texts, from a list or from JSON text of one."""
    if value is None or value == "" or value == []:
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise Unusable(
                "tools", "bad_tools", f"the tools are not valid JSON ({error}).", "Mend the JSON."
            ) from error
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise Unusable(
            "tools", "bad_tools", f"the tools are {_kind(value)}, not a list.", "Give a list of definitions."
        )
    return tuple(each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in value)


def tool_calls(value: object, field: str) -> tuple[ToolCall, ...]:
    """Tool calls from {"name", "arguments"}, a list of them, OpenAI's {"function": {...}}, or JSON text of any."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            fix = 'Write it as {"name": ..., "arguments": {...}}.'
            raise Unusable(field, "bad_tool_call", f"the tool call is not valid JSON ({error}).", fix) from error
    calls = []
    for each in value if isinstance(value, list) else [value]:
        inner: Any = each.get("function", each) if isinstance(each, dict) else None
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(name, str) or not name:
            fix = 'Write it as {"name": ..., "arguments": {...}}.'
            raise Unusable(field, "bad_tool_call", "the tool call has no name.", fix)
        arguments = inner.get("arguments", inner.get("parameters", {}))
        if isinstance(arguments, str):
            try:
                json.loads(arguments or "{}")
            except ValueError as error:
                fix = "Write the arguments as a JSON object."
                raise Unusable(
                    field, "bad_tool_call", f"the arguments of {name} are not JSON ({error}).", fix
                ) from error
            text = arguments or "{}"
        else:
            text = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
        calls.append(ToolCall(name, text))
    return tuple(calls)


def is_trained(turn: dict[str, Any]) -> bool:
    """Whether the turn's flags let it be trained on: train / loss / weight / loss_weight of 0 or 1, true or false."""
    for flag in _FLAGS:
        value = turn.get(flag)
        if value is None:
            continue
        if value not in (0, 1):
            raise Unusable(
                flag,
                "bad_weight",
                f"its {flag} is {value!r}; only 0 and 1 can be trained with.",
                f"Set {flag} to 0 or 1.",
            )
        if not value:
            return False
    return True


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing" if value is None else type(value).__name__)
