"""Definitions of tools and calls of them, as JSON texts, out of raw values."""

from __future__ import annotations

import json
from typing import Any

from formats import values
from formats.conversation import ToolCall
from formats.values import Unusable

# Keys of a tool call: its arguments under one of these, and what may stand beside them.
_ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs")
_OF_CALL = frozenset({"name", "id", "type", "index", "function", "description", "call_id"})
OF_CALL = _OF_CALL.union(_ARGUMENTS)


def tool_list(value: object) -> tuple[str, ...]:
    """Tool definitions as JSON texts, from a list of objects or of their JSON texts, or from JSON text of either."""
    if values.missing(value):
        return ()
    fix = "Give a list of tool definitions, each a JSON object."
    try:
        value = json.loads(value) if isinstance(value, str) and value else value
        if values.missing(value):
            return ()
        tools = [json.loads(each) if isinstance(each, str) else each for each in _list(value)]
        texts = tuple(json.dumps(tool, ensure_ascii=False, allow_nan=False) for tool in tools)
    except ValueError as error:
        wrong = Unusable("tools", "bad_tools", f"the tools are not valid JSON ({error}).", fix)
        raise values.or_python(value, wrong) from error
    for tool in tools:
        if not isinstance(tool, dict):
            raise Unusable("tools", "bad_tools", f"a tool is {values.kind(tool)}, not an object.", fix)
    return texts


def tool_calls(value: object, field: str) -> tuple[ToolCall, ...]:
    """Tool calls from {"name", "arguments"}, a list of them, OpenAI's {"id", "function": {...}}, or JSON text of it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            fix = 'Write it as {"name": ..., "arguments": {...}}.'
            wrong = Unusable(field, "bad_tool_call", f"the tool call is not valid JSON ({error}).", fix)
            raise values.or_python(value, wrong) from error
    calls = []
    for each in _list(value):
        inner: Any = each.get("function", each) if isinstance(each, dict) else None
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(name, str) or not name:
            fix = 'Write it as {"name": ..., "arguments": {...}}.'
            raise Unusable(field, "bad_tool_call", "the tool call has no name.", fix)
        id = each.get("id")
        held = values.first_of({**each, **inner}, *_ARGUMENTS)[1]
        others = [key for key in inner if key not in _OF_CALL and not values.missing(inner[key])]
        if held is None and others and others[0] not in _ARGUMENTS:
            problem = f"the call of {name} has no arguments, but {str(others[0])[:40]!r}, which is not known."
            raise Unusable(field, "bad_tool_call", problem, "Put the arguments under arguments.")
        arguments = _arguments(held, name, field)
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
        wrong = Unusable(field, "bad_tool_call", f"the arguments of {name} are not JSON ({error}).", fix)
        raise values.or_python(value, wrong) from error
    if not isinstance(found, dict):
        raise Unusable(field, "bad_tool_call", f"the arguments of {name} are {values.kind(found)}, not an object.", fix)
    return value if isinstance(value, str) and found else text


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
