"""A text that stands in parts: which of them are said, thought, calls of tools or their results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from formats import thoughts, values
from formats.conversation import Message

_CALLS = ("tool_call", "tool_calls", "function_call")
_USE, _RESULT = "tool_use", "tool_result"  # as Anthropic writes them


@dataclass(slots=True)
class Parts:
    """The parts of one turn. `said`: what is left of its text; `thought`: texts; `calls`: as the file writes them."""

    said: object = None
    thought: list[str] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)


def read_parts(value: object, name: str, repairs: list[str]) -> Parts:
    """The parts of a text that stands under the key `name`."""
    if isinstance(value, dict) and thoughts.is_marked(value):
        value = [value]
    if not isinstance(value, list):
        return Parts(value)
    rest: list[object] = []
    found = Parts(rest)
    for part in value:
        kind = _kind(part)
        if isinstance(part, dict) and thoughts.is_marked(part) and (thought := thoughts.text_of(part)) is not None:
            found.thought.append(values.content_text(thought, name, repairs))
        elif isinstance(part, dict) and kind == _USE:
            found.calls.append(part)
        elif isinstance(part, dict) and kind in _CALLS and (call := _held(part, kind)) is not None:
            found.calls += call if isinstance(call, list) else [values.decoded(call, [])]
        else:
            rest.append(part)
    return found


def has_results(value: object) -> bool:
    """Whether results of tools are parts of a text."""
    return isinstance(value, list) and any(_kind(part) == _RESULT for part in value)


def at_results(turn: dict[str, Any], key: str, repairs: list[str]) -> Iterator[dict[str, Any] | Message]:
    """A turn of whose text, under `key`, results of tools are parts: what stands before each of them, the result as a
    message of the tool, and what stands behind it."""
    before: list[object] = []
    for part in turn[key]:
        if not isinstance(part, dict) or _kind(part) != _RESULT:
            before.append(part)
            continue
        if before:
            yield {**turn, key: before}
        name, call = (held if isinstance(held := part.get(of), str) else None for of in ("name", "tool_use_id"))
        yield Message("tool", values.content_text(part.get("content"), key, repairs), name=name, tool_call_id=call)
        before = []
    if before:
        yield {**turn, key: before}


def _kind(part: object) -> str:
    return str(part.get("type", "")) if isinstance(part, dict) else ""


def _held(part: dict[str, Any], kind: str) -> object:
    return part.get(kind, part.get("value", part.get("text")))
