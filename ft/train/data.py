"""Conversations -> tokens ready for the trainer, with a count of everything that did not go in as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from formats.conversation import Conversation
from ft.config import TrainConfig
from ft.errors import UserError
from ft.template.render import Rendered, Renderer, cut_to

if TYPE_CHECKING:
    import datasets

IGNORED = -100  # the label that PyTorch's cross entropy leaves out


@dataclass(slots=True)
class Counts:
    """What became of the conversations of one side of the split; lengths are in tokens, before any cut."""

    used: int = 0
    cut: int = 0
    dropped: int = 0
    no_trained: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    longest: int = 0
    lengths: list[int] = field(default_factory=list)

    def lost(self) -> str:
        """A sentence on what was cut or left out, "" where nothing was."""
        parts = []
        if self.cut:
            parts.append(f"{self.cut} over-long cut at the end of a reply")
        if self.dropped:
            parts.append(f"{self.dropped} over-long dropped")
        if self.no_trained:
            parts.append(f"{self.no_trained} without a reply to learn from left out")
        return "; ".join(parts)


def prepare(
    conversations: Iterable[Conversation], renderer: Renderer, config: TrainConfig, counts: Counts
) -> Iterable[Rendered]:
    """Render `conversations` and apply `config.max_length` as `config.overlong` says, filling `counts`.

    Raises:
        UserError: a conversation is over-long and `overlong` is "refuse", or cannot be rendered.
    """
    for conversation in conversations:
        rendered = renderer.render(conversation)
        length = len(rendered.input_ids)
        counts.lengths.append(length)
        counts.longest = max(counts.longest, length)
        fitted: Rendered | None = rendered
        if length > config.max_length:
            if config.overlong == "refuse":
                raise UserError(
                    f"{conversation.origin.file}, record {conversation.origin.record}",
                    f"it has {length} tokens, over the maximum length of {config.max_length}.",
                    "Raise the maximum length, or choose to cut or drop over-long conversations.",
                )
            fitted = cut_to(rendered, config.max_length) if config.overlong == "cut" else None
            if fitted is None:
                counts.dropped += 1
                continue
        # The first token has no token before it to be predicted from, so a mask on it alone trains nothing.
        if fitted is None or not any(fitted.trained[1:]):
            counts.no_trained += 1
            continue
        counts.cut += fitted is not rendered
        counts.used += 1
        counts.tokens += len(fitted.input_ids)
        counts.trained_tokens += sum(fitted.trained[1:])
        yield fitted


def encode(
    conversations: Iterable[Conversation],
    renderer: Renderer,
    config: TrainConfig,
    progress: Callable[[int], None] | None = None,
) -> tuple[datasets.Dataset, Counts]:
    """A dataset with the columns `input_ids`, `labels` (-100 where no loss is taken) and `length`, and the counts."""
    import datasets
    import pyarrow as pa

    schema = pa.schema([("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32())), ("length", pa.int32())])
    counts = Counts()
    batches, rows = [], []
    for rendered in prepare(conversations, renderer, config, counts):
        labels = [
            token if trained else IGNORED for token, trained in zip(rendered.input_ids, rendered.trained, strict=True)
        ]
        rows.append({"input_ids": rendered.input_ids, "labels": labels, "length": len(labels)})
        if len(rows) == 1000:
            batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
            rows = []
            if progress:
                progress(counts.used)
    batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
    return datasets.Dataset(pa.Table.from_batches(batches, schema=schema)), counts
