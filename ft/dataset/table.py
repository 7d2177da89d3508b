"""Conversations <-> an Arrow table, column by column: many times faster than row by row, and one schema for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

import pyarrow as pa

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.dataset.fingerprint import exact, fingerprint
from ft.dataset.split import Side, position

_TOOL_CALL = pa.struct([("name", pa.string()), ("arguments", pa.string()), ("id", pa.string())])
_MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("reasoning", pa.string()),
        ("tool_calls", pa.list_(_TOOL_CALL)),  # arguments: JSON text, see ToolCall
        ("train", pa.bool_()),
        ("name", pa.string()),
        ("tool_call_id", pa.string()),
    ]
)
_ORIGIN = pa.struct([("file", pa.string()), ("record", pa.int64())])
CHAT = pa.schema(
    [
        ("messages", pa.list_(_MESSAGE)),
        ("tools", pa.list_(pa.string())),
        ("origin", _ORIGIN),
        ("repairs", pa.list_(pa.string())),
    ]
)
# What is asked of all conversations at once (see `ft.dataset.index`), kept beside them so that they need not be read.
INDEX = pa.schema(
    [
        ("split", pa.string()),
        ("turns", pa.int32()),
        ("characters", pa.int64()),
        ("has_tools", pa.bool_()),
        ("fingerprint", pa.uint64()),
        ("exact", pa.uint64()),
        ("position", pa.float64()),
    ]
)
SCHEMA = pa.schema([*CHAT, *INDEX])


class Facts(NamedTuple):
    """What `INDEX` says of one conversation, but for its side. `characters` counts all of its text."""

    turns: int
    characters: int
    has_tools: bool
    fingerprint: int
    exact: int
    position: float


def facts(conversation: Conversation) -> Facts:
    """The facts of one conversation.

    Raises:
        UnicodeEncodeError: its text cannot be written as UTF-8.
    """
    messages = conversation.messages
    characters = sum(map(len, conversation.tools))
    calls = False
    for message in messages:
        characters += len(message.content)
        if message.reasoning:
            characters += len(message.reasoning)
        if message.tool_calls:
            calls = True
            characters += sum(len(call.arguments) for call in message.tool_calls)
    return Facts(
        len(messages),
        characters,
        calls or bool(conversation.tools),
        fingerprint(conversation),
        exact(conversation),
        position(conversation),
    )


@dataclass(slots=True)
class _Lists:
    """A column of lists: their offsets, and the values one after another."""

    offsets: list[int] = field(default_factory=lambda: [0])
    values: list[Any] = field(default_factory=list)

    def add(self, values: Iterable[Any]) -> None:
        self.values += values
        self.offsets.append(len(self.values))

    def array(self, values: pa.Array | None = None) -> pa.Array:
        made = pa.array(self.values, pa.string()) if values is None else values
        return pa.ListArray.from_arrays(pa.array(self.offsets, pa.int32()), made)


def table(rows: Sequence[tuple[Conversation, Side, Facts]]) -> pa.Table:
    """The conversations, each with its side and its facts, as a table with the columns of SCHEMA."""
    messages, calls, tools, repairs = _Lists(), _Lists(), _Lists(), _Lists()
    for conversation, _, _ in rows:
        messages.add(conversation.messages)
        tools.add(conversation.tools)
        repairs.add(conversation.repairs)
    for message in messages.values:
        calls.add(message.tool_calls)
    columns = {
        "messages": messages.array(_struct(_MESSAGE, messages.values, {"tool_calls": _calls(calls)})),
        "tools": tools.array(),
        "origin": _struct(_ORIGIN, [conversation.origin for conversation, _, _ in rows], {}),
        "repairs": repairs.array(),
        "split": pa.array([side for _, side, _ in rows], pa.string()),
    }
    known = zip(*(facts for _, _, facts in rows), strict=True) if rows else ((),) * len(Facts._fields)
    for name, values in zip(Facts._fields, known, strict=True):
        columns[name] = pa.array(values, INDEX.field(name).type)
    return pa.table(columns, schema=SCHEMA)


def _calls(calls: _Lists) -> pa.Array:
    return calls.array(_struct(_TOOL_CALL, calls.values, {}))


def _struct(type: pa.StructType, values: list[Any], ready: dict[str, pa.Array]) -> pa.Array:
    """Objects as structs: each field from the attribute of its name, or the array that is `ready`."""
    fields = list(type)
    arrays = [
        ready[each.name] if each.name in ready else pa.array(list(map(attrgetter(each.name), values)), each.type)
        for each in fields
    ]
    return pa.StructArray.from_arrays(arrays, fields=fields)


def conversations(rows: pa.Table) -> Iterator[Conversation]:
    """The conversations of a table that has the columns of CHAT."""
    for batch in rows.to_batches(max_chunksize=200):
        lists = batch.column("messages")
        texts = lists.flatten()
        columns = [_field(texts, each.name).to_pylist() for each in _MESSAGE if each.name != "tool_calls"]
        calls = _call_rows(_field(texts, "tool_calls"))
        messages = [
            Message(role, content, reasoning, called, train, name, call_id)
            for (role, content, reasoning, train, name, call_id), called in zip(
                zip(*columns, strict=True), calls, strict=True
            )
        ]
        start = 0
        others = zip(*(batch.column(name).to_pylist() for name in ("tools", "origin", "repairs")), strict=True)
        for count, (tools, origin, repairs) in zip(lists.value_lengths().to_pylist(), others, strict=True):
            turns = tuple(messages[start : start + count])
            yield Conversation(turns, Origin(origin["file"], origin["record"]), tuple(tools), tuple(repairs))
            start += count


def _field(structs: pa.StructArray, name: str) -> pa.Array:
    """A field of all structs; nothing in each where a version was saved before there was such a field."""
    place = structs.type.get_field_index(name)
    return pa.nulls(len(structs), pa.string()) if place < 0 else structs.flatten()[place]


def _call_rows(lists: pa.ListArray) -> list[tuple[ToolCall, ...]]:
    return [
        tuple([ToolCall(call["name"], call["arguments"], call.get("id")) for call in calls]) if calls else ()
        for calls in lists.to_pylist()
    ]
