"""What the formats share: reading text, tools, tool calls and training flags out of raw values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from typing import Any

from formats.conversation import Role, ToolCall

# What a role is called in people's files; the first of each row is the usual spelling of ShareGPT or OpenAI.
SPELLINGS: dict[Role, tuple[str, ...]] = {
    "user": ("human", "user", "prompter", "question", "customer", "instruction"),
    "assistant": ("gpt", "assistant", "chatgpt", "bing", "bard", "bot", "model", "ai", "claude", "answer", "agent"),
    "system": ("system", "developer"),
    "tool": ("tool", "observation", "observations", "function_response", "tool_response", "ipython", "function"),
}
ROLE_OF: dict[str, Role] = {spelling: role for role, names in SPELLINGS.items() for spelling in names}
CALL_ROLES = frozenset({"function_call", "tool_call", "tool_calls"})
USUAL: dict[str, Role] = {
    name: ROLE_OF[name]
    for name in ("human", "user", "gpt", "assistant", "system", "tool", "observation", "function_response")
}
FLAGS = ("train", "loss", "weight", "loss_weight")
_MEDIA = ("image", "audio", "video", "file", "input_image", "input_audio")


class Unusable(ValueError):
    """A raw value that cannot be read: the field it stands in, a code, what is wrong and what to do about it."""

    def __init__(self, field: str | None, code: str, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.field, self.code, self.problem, self.fix = field, code, problem, fix


def missing(value: object) -> bool:
    """Whether a field holds nothing: null, an empty text, or NaN, as tables write an empty cell."""
    return value is None or value == "" or value != value


def first_of(record: Mapping[str, Any], *keys: str) -> tuple[str, Any]:
    """The first of `keys` under which something stands, and what; (the first key, None) where nothing does."""
    return next(((key, record[key]) for key in keys if not missing(record.get(key))), (keys[0], None))


def content_text(value: object, field: str, repairs: list[str]) -> str:
    """The text of a turn: a string, nothing, a number as it is written (which `repairs` then tells), or a list of text
    parts ({"type": "text", "text" or "value": ...}, or one such part)."""
    if isinstance(value, str):
        return value
    if missing(value):
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        repairs.append("number_as_text")
        return str(value)
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        value = [value]
    if not isinstance(value, list):
        fix = "Put the turn's text there as a string."
        raise Unusable(field, "not_text", f"it is {kind(value)}, where text was expected.", fix)
    return "\n".join(_part_text(part, field) for part in value)


def _part_text(part: object, field: str) -> str:
    if isinstance(part, str):
        return part
    what = str(part.get("type", "text")) if isinstance(part, dict) else kind(part)
    found = part.get("text", part.get("value")) if isinstance(part, dict) else None
    if what.startswith(_MEDIA):
        problem = f"it holds a part of type {what!r}; only text can be trained on."
        raise Unusable(field, "media", problem, "Leave this record out, or describe in text what the part shows.")
    if "text" not in what or not isinstance(found, str):
        problem = f"it holds a part of type {what!r}; only text can be trained on."
        raise Unusable(field, "not_text_part", problem, "Leave it out.")
    return found


def decoded(value: object, repairs: list[str]) -> object:
    """JSON that stands as text where a list or an object belongs, decoded (up to twice); else the value as it is."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", '"'):
            break
        try:
            value = json.loads(value)
        except ValueError:
            break
        repairs.append("double_encoded")
    return value


def tool_list(value: object) -> tuple[str, ...]:
    """Tool definitions as JSON texts, from a list of objects or of their JSON texts, or from JSON text of either."""
    if missing(value):
        return ()
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
    """Tool calls from {"name", "arguments"}, a list of them, OpenAI's {"id", "function": {...}}, or JSON text of it."""
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
        id = each.get("id")
        arguments = _arguments(first_of(inner, "arguments", "parameters")[1], name, field)
        calls.append(ToolCall(name, arguments, id if isinstance(id, str) and id else None))
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


def is_trained(turn: dict[str, Any], repairs: list[str], off: Set[str]) -> bool:
    """Whether the turn's flags let it be trained on: train / loss / weight / loss_weight of 0 or 1, true or false.

    Any other number is refused, or (with the repair weight_as_one) taken as 1.
    """
    trained = True
    for flag in FLAGS:
        value = turn.get(flag)
        if missing(value):
            continue
        if value not in (0, 1):
            number = isinstance(value, (int, float)) and value > 0
            if not number or "weight_as_one" in off:
                problem = f"its {flag} is {str(value)[:40]!r}; only 0 and 1 can be trained with."
                fix = f"Set {flag} to 0 or 1" + (", or switch the repair weight_as_one on." if number else ".")
                raise Unusable(flag, "bad_weight", problem, fix)
            repairs.append("weight_as_one")
        trained = trained and bool(value)
    return trained


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = ((dict, "an object"), (list, "a list"), (bool, "true or false"), ((int, float), "a number"), (str, "text"))
    return next((name for types, name in names if isinstance(value, types)), "nothing")
