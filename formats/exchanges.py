"""Rows that are one exchange each, a prompt with its reply -> the turns of the conversation that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from formats.conversation import Message
from formats.detect import format_of, given
from formats.message_rows import named_key
from formats.order import is_order_name, sort_values
from formats.values import Unusable, id_text

# Takes a row and where to tell the repairs that it needed; gives its messages and its tools. May raise Unusable.
Read = Callable[[dict[str, Any], list[str]], tuple[list[Message], tuple[str, ...]]]
_TOLD = 20  # characters of a reply that stands in the next prompt: fewer may well be said twice


def exchange_key(rows: Sequence[object]) -> str:
    """The key that tells the conversation of rows that hold a prompt and its reply each; "" where none does, or no two
    rows are of one conversation."""
    pairs = [row for row in rows if isinstance(row, dict) and format_of(row)[0] in ("pairs", "alpaca")]
    return shared_id(pairs) if len(pairs) * 2 >= len(rows) else ""


def shared_id(rows: Sequence[dict[str, Any]]) -> str:
    """The key whose name says that it holds the id of a conversation, which some of these rows share; "" for none."""
    key = next((key for row in rows if (key := named_key(row, exact=True))), "")
    ids = [id for row in rows if (id := id_text(row.get(key)))] if key else []
    return key if len(set(ids)) < len(ids) else ""


def order_key(rows: Sequence[dict[str, Any]]) -> str:
    """The key whose name says that it tells the time or the number of a row, where all of them can be sorted by it."""
    return next((str(k) for k in rows[0] if is_order_name(str(k)) and sort_values([row.get(k) for row in rows])), "")


def as_record(
    rows: Sequence[dict[str, Any]], places: Sequence[tuple[float, ...]], read: Read
) -> tuple[dict[str, Any], list[str]] | None:
    """The turns of these rows, which stand in order, as a record of messages, and the repairs that the rows needed.

    None where they are no conversation for sure: a row cannot be read or has a history of its own, two give other
    instructions or tools, the same prompt stands twice at one of the `places` in the order (several replies to choose
    from), or a prompt tells the reply before it again.
    """
    repairs: list[str] = []
    try:
        exchanges = [read(row, repairs) for row in rows]
    except Unusable:
        return None
    beside = {_beside(messages, tools) for messages, tools in exchanges}
    said = [[message for message in messages if message.role != "system"] for messages, _ in exchanges]
    if len(beside) > 1 or any(len(each) != 2 for each in said) or _may_be_another(said, places):
        return None
    ((system, tools),) = beside
    record: dict[str, Any] = {"system": system} if system else {}
    record["messages"] = [_turn(message) for each in said for message in each]
    if tools:
        record["tools"] = "[" + ", ".join(tools) + "]"
    return record, repairs


def _beside(messages: Sequence[Message], tools: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    return next((message.content for message in messages if message.role == "system"), ""), tools


def _may_be_another(said: Sequence[Sequence[Message]], places: Sequence[tuple[float, ...]]) -> bool:
    """Whether a prompt that repeats what was said before may well be no next turn."""
    asked = [(place, prompt.content) for place, (prompt, _) in zip(places, said, strict=True)]
    told_again = any(
        len(reply.content) >= _TOLD and reply.content in prompt.content for (_, reply), (prompt, _) in pairwise(said)
    )
    return told_again or len(set(asked)) < len(asked)


def _turn(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning:
        turn["reasoning_content"] = message.reasoning
    return turn if message.train else {**turn, "train": False}


def has_history(row: Mapping[str, Any]) -> bool:
    """Whether a row tells what was said before it."""
    return any(str(key).strip().lower() == "history" and given(value) for key, value in row.items())
