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


def missing(value: object) -> bool:
    """Whether a field holds nothing: null, an empty text, or NaN, as tables write an empty cell."""
    return value is None or value == "" or value != value


def first_of(record: dict[str, Any], *keys: str) -> tuple[str, Any]:
    """The first of `keys` under which something stands, and what; (the first key, None) where nothing does."""
    return next(((key, record[key]) for key in keys if not missing(record.get(key))), (keys[0], None))


def content_text(value: object, field: str, repairs: list[str]) -> str:
    """The text of a turn: a string, nothing, a number as it is written (which `repairs` then tells), or a list of text
    parts ({"type": "text", "text" or "value": ...})."""
    if isinstance(value, str):
        return value
    if missing(value):
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        repairs.append("number_as_text")
        return str(value)
    if not isinstance(value, list):
        fix = "Put the turn's text there as a string."
        raise Unusable(field, "not_text", f"it is {kind(value)}, where text was expected.", fix)
    parts = []
    for part in value:
        if isinstance(part, str):
            parts.append(part)
            continue
        what = str(part.get("type", "text")) if isinstance(part, dict) else kind(part)
        found = part.get("text", part.get("value")) if isinstance(part, dict) else None
        if "text" not in what or not isinstance(found, str):
            raise Unusable(
                field,
                "not_text_part",
                f"it holds a part of type {what!r}; only text can be trained on.",
                "Leave it out.",
            )
        parts.append(found)
    return "\n".join(parts)


def tool_list(value: object) -> tuple[str, ...]:
    """Tool definitions as JSON texts, from a list of objects or of their JSON texts, or from JSON text of either."""
    fix = "Give a list of tool definitions, each a JSON object."
    try:
        value = json.loads(value) if isinstance(value, str) and value else value
        if missing(value):
            return ()
        tools = [json.loads(each) if isinstance(each, str) else each for each in _list(value)]
        texts = tuple(json.dumps(tool, ensure_ascii=False, allow_nan=False) for tool in tools)
    except ValueError as error:
        raise Unusable("tools", "bad_tools", f"the tools are not valid JSON ({error}).", fix) from error
    for tool in tools:
        if not isinstance(tool, dict):
            raise Unusable("tools", "bad_tools", f"a tool is {kind(tool)}, not an object.", fix)
    return texts


def tool_calls(value: object, field: str) -> tuple[ToolCall, ...]:
    """Tool calls from {"name", "arguments"}, a list of them, OpenAI's {"function": {...}}, or JSON text of any."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            fix = 'Write it as {"name": ..., "arguments": {...}}.'
            raise Unusable(field, "bad_tool_call", f"the tool call is not valid JSON ({error}).", fix) from error
    calls = []
    for each in _list(value):
        inner: Any = each.get("function", each) if isinstance(each, dict) else None
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(name, str) or not name:
            fix = 'Write it as {"name": ..., "arguments": {...}}.'
            raise Unusable(field, "bad_tool_call", "the tool call has no name.", fix)
        calls.append(ToolCall(name, _arguments(first_of(inner, "arguments", "parameters")[1], name, field)))
    return tuple(calls)


def _arguments(value: object, name: str, field: str) -> str:
    """The arguments of a call as JSON text of an object: just as it is written where it is text already."""
    fix = "Write the arguments as a JSON object."
    try:
        found = json.loads(value) if isinstance(value, str) else value
        found = {} if found is None else found
        text = json.dumps(found, ensure_ascii=False, allow_nan=False)
        if isinstance(value, str):
            text.encode()  # half a character may stand in it spelled out, and would come out where it is used
    except ValueError as error:
        raise Unusable(field, "bad_tool_call", f"the arguments of {name} are not JSON ({error}).", fix) from error
    if not isinstance(found, dict):
        raise Unusable(field, "bad_tool_call", f"the arguments of {name} are {kind(found)}, not an object.", fix)
    return value if isinstance(value, str) and found else text


def is_trained(turn: dict[str, Any]) -> bool:
    """Whether the turn's flags let it be trained on: train / loss / weight / loss_weight of 0 or 1, true or false."""
    for flag in _FLAGS:
        value = turn.get(flag)
        if missing(value):
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


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = ((dict, "an object"), (list, "a list"), (bool, "true or false"), ((int, float), "a number"), (str, "text"))
    return next((name for types, name in names if isinstance(value, types)), "nothing")
