"""conversations.parquet: written in batches and read back in pages, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from formats.conversation import Conversation, Message, Origin, ToolCall
from ft.dataset.split import Side

FILE_NAME = "conversations.parquet"
DAMAGED = (pa.ArrowException, OSError, KeyError, TypeError)  # what reading a file that is broken, or not ours, raises
ROWS_A_GROUP = 1000
CHARACTERS_A_GROUP = 4_000_000  # long conversations are written in smaller groups

_TOOL_CALL = pa.struct([("name", pa.string()), ("arguments", pa.string())])  # arguments: JSON text, see ToolCall
_MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("reasoning", pa.string()),
        ("tool_calls", pa.list_(_TOOL_CALL)),
        ("train", pa.bool_()),
    ]
)
SCHEMA = pa.schema(
    [
        ("messages", pa.list_(_MESSAGE)),
        ("tools", pa.list_(pa.string())),
        ("origin", pa.struct([("file", pa.string()), ("record", pa.int64())])),
        ("repairs", pa.list_(pa.string())),
        ("split", pa.string()),
    ]
)


class ConversationWriter:
    """Writes conversations one by one to a new file at `path`. A context manager: the file is whole once it is left.

    Raises:
        OSError: the disk is full or the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._sink = path.open("wb")
        self._writer = pq.ParquetWriter(self._sink, SCHEMA, compression="zstd")
        self._rows: list[dict[str, Any]] = []
        self._characters = 0

    def add(self, conversation: Conversation, side: Side) -> None:
        self._rows.append(_row(conversation, side))
        self._characters += _characters(conversation)
        if len(self._rows) >= ROWS_A_GROUP or self._characters >= CHARACTERS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA))
        self._rows, self._characters = [], 0

    def __enter__(self) -> ConversationWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._sink:
            if kind is None:
                self._flush()
                self._writer.close()
            else:  # the file is lost already, and a full disk would only fail once more
                with suppress(OSError, pa.ArrowException):
                    self._writer.close()


def _characters(conversation: Conversation) -> int:
    in_turns = sum(
        len(message.content) + len(message.reasoning or "") + sum(len(call.arguments) for call in message.tool_calls)
        for message in conversation.messages
    )
    return in_turns + sum(len(tool) for tool in conversation.tools)


def _row(conversation: Conversation, side: Side) -> dict[str, Any]:
    return {
        "messages": [
            {
                "role": message.role,
                "content": message.content,
                "reasoning": message.reasoning,
                "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in message.tool_calls],
                "train": message.train,
            }
            for message in conversation.messages
        ],
        "tools": list(conversation.tools),
        "origin": {"file": conversation.origin.file, "record": conversation.origin.record},
        "repairs": list(conversation.repairs),
        "split": side,
    }


def _conversation(row: dict[str, Any]) -> Conversation:
    return Conversation(
        messages=tuple(
            Message(
                role=message["role"],
                content=message["content"],
                reasoning=message["reasoning"],
                tool_calls=tuple(ToolCall(**call) for call in message["tool_calls"]),
                train=message["train"],
            )
            for message in row["messages"]
        ),
        origin=Origin(**row["origin"]),
        tools=tuple(row["tools"]),
        repairs=tuple(row["repairs"]),
    )


def read(path: Path, split: str | None = None, start: int = 0, limit: int | None = None) -> Iterator[Conversation]:
    """The conversations of `split` (None: of both sides), in the file's order, from the `start`-th (0: the first).

    At most `limit` of them. Row groups before `start` are passed over without being decoded.
    """
    with pq.ParquetFile(path) as file:
        left = limit
        for group in range(file.num_row_groups):
            if left is not None and left <= 0:
                return
            mask = None
            rows = file.metadata.row_group(group).num_rows
            if split is not None:
                mask = pc.equal(file.read_row_group(group, columns=["split"])["split"], split)
                rows = pc.sum(mask).as_py() or 0
            if start >= rows:
                start -= rows
                continue
            table = file.read_row_group(group, columns=["messages", "tools", "origin", "repairs"])
            table = (table if mask is None else table.filter(mask)).slice(start, left)
            start = 0
            left = None if left is None else left - table.num_rows
            for batch in table.to_batches(max_chunksize=100):
                for row in batch.to_pylist():
                    yield _conversation(row)


def side_counts(path: Path) -> dict[str, int]:
    """How many conversations of the file are on each side: {"train": n, "validation": n}."""
    with pq.ParquetFile(path) as file:
        sides = pc.value_counts(file.read(columns=["split"])["split"]).to_pylist()
    counts = {each["values"]: each["counts"] for each in sides}
    return {"train": counts.get("train", 0), "validation": counts.get("validation", 0)}


def resplit(path: Path, decide: Callable[[Conversation], Side]) -> None:
    """Write the file anew with the side that `decide` gives each conversation; the old file stays until it is whole."""
    new = path.with_name(path.name + ".new")
    try:
        with ConversationWriter(new) as writer:
            for conversation in read(path):
                writer.add(conversation, decide(conversation))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
