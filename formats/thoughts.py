"""What a model thought before its reply, as files mark it: by a key, a flag, a kind, a role or a column of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Keys of a turn that hold its thought beside its text, and columns that do so beside a prompt and a reply.
KEYS = ("reasoning_content", "reasoning", "thinking", "thinking_content", "thought", "thoughts")
COLUMNS = (*KEYS, "complex_cot", "cot", "chain_of_thought", "rationale")
# What turns, and parts of a text, are marked with that are thoughts alone.
FLAGS = ("isThought", "is_thought", "thought", "isThinking", "is_thinking", "isReasoning", "is_reasoning")
KIND_KEYS = ("type", "content_type", "contentType", "kind", "channel")
KINDS = frozenset({"think", "thinking", "thought", "thoughts", "reasoning"})
_KEYS, _COLUMNS = frozenset(KEYS), frozenset(COLUMNS)
_MARKS = frozenset((*FLAGS, *KIND_KEYS))
# What may stand in such a place and says how a model is to think, not what it thought.
_SETTINGS = frozenset({"on", "off", "true", "false", "yes", "no", "none", "minimal", "low", "medium", "high"})


def is_marked(turn: Mapping[str, Any]) -> bool:
    """Whether a turn, or a part of a text, is marked as a thought."""
    return not _MARKS.isdisjoint(turn) and any(
        is_mark(key, value) and value not in (False, "false") for key, value in turn.items()
    )


def is_mark(key: str, value: object) -> bool:
    """Whether that key of a turn or a part says whether it is a thought."""
    if key in FLAGS:
        return isinstance(value, bool) or value in ("true", "false")
    return key in KIND_KEYS and (is_kind(value) or (key == "channel" and value == "analysis"))


def is_kind(value: object) -> bool:
    """Whether that name of a kind or a role says that something is a thought."""
    return isinstance(value, str) and value.strip().lower() in KINDS


def text_of(part: Mapping[str, Any]) -> object:
    """What a part that is marked as a thought holds, "" where that is nothing; None where there is no text in it."""
    kind = part.get("type")
    own = (kind, kind.lower()) if isinstance(kind, str) else ()
    held = [part[key] for key in (*own, "text", "value", "content", "summary") if key in part]
    return next((each for each in held if each), "") if held else None


def key_in(turn: Mapping[str, Any]) -> str:
    """The key of a turn under which its thought stands; "" where there is none."""
    if _KEYS.isdisjoint(turn):
        return ""
    return next((key for key in KEYS if key in turn and says_something(turn[key], key)), "")


def column_in(record: Mapping[str, Any]) -> str:
    """The column of a record, with names in lower case, that holds what its reply thought; "" where there is none."""
    if _COLUMNS.isdisjoint(record):
        return ""
    return next(
        (key for key in COLUMNS if isinstance(record.get(key), (str, list)) and says_something(record[key])), ""
    )


def says_something(value: object, key: str = "") -> bool:
    """Whether a value may be a thought: not nothing, a flag, or a setting of how to think, which has no place under
    "reasoning_content"."""
    if isinstance(value, str):
        return bool(value.strip()) and (key == "reasoning_content" or value.strip().lower() not in _SETTINGS)
    return not isinstance(value, bool) and value is not None and value == value and value not in ([], {})
