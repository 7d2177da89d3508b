"""Conversations -> tokens ready for the trainer, with a count of everything that did not go in as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from formats.conversation import Conversation
from ft.config import TrainConfig
from ft.dataset import parquet
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.template.apart import Size
from ft.template.render import Renderer, UnwritableError
from ft.template.rendered import Rendered, fit

if TYPE_CHECKING:
    import datasets

IGNORED = -100  # the label that PyTorch's cross entropy leaves out
SCHEMA = pa.schema([("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32())), ("length", pa.int32())])
ROWS_A_BATCH, TOKENS_A_BATCH = 1000, 2_000_000


@dataclass(slots=True)
class Counts:
    """What became of the conversations of one side of the split.

    `used`, `cut`, `dropped`, `no_trained` and `refused` are conversations; of `no_trained`, `unwritten` have replies to
    learn from that the model's chat template does not write; `refused` are those that it cannot write at all, the first
    as `first_refused` says. `samples`, `tokens` and `trained_tokens` are what the
    trainer gets: mostly one sample a conversation, several where the chat template rewrites earlier turns. `lengths`
    are those of the conversations' longest samples, in tokens, before any cut. `remarks` counts the conversations of
    which there is something to say (see `Renderer.remarks`).
    """

    used: int = 0
    cut: int = 0
    dropped: int = 0
    no_trained: int = 0
    unwritten: int = 0
    refused: int = 0
    first_refused: str = ""
    samples: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    longest: int = 0
    lengths: list[int] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)

    def lost(self) -> str:
        """A sentence on what was cut or left out, "" where nothing was."""
        parts = []
        if self.cut:
            parts.append(f"{self.cut} over-long cut at the end of a reply")
        if self.dropped:
            parts.append(f"{self.dropped} over-long dropped")
        if self.refused:
            parts.append(self.unwritable())
        return "; ".join([*parts, *([self.unlearned()] if self.no_trained else ())])

    def unlearned(self) -> str:
        """A sentence on conversations in which nothing is learned, "" where there are none."""
        parts = []
        if without := self.no_trained - self.unwritten:
            parts.append(f"{without} without a reply to learn from left out")
        if self.unwritten:
            parts.append(f"{self.unwritten} left out, as the model's chat template does not write their replies")
        return "; ".join(parts)

    def unwritable(self) -> str:
        """A sentence on conversations that the chat template cannot write, "" where there are none."""
        if not self.refused:
            return ""
        first = f"the first: {self.first_refused}" if self.refused > 1 else self.first_refused
        return f"{self.refused:,} left out, as the model's chat template cannot write them ({first})"

    def several(self) -> str:
        """A sentence on conversations that became several samples, "" where none did."""
        if self.samples == self.used:
            return ""
        return (
            f"{self.used:,} conversations become {self.samples:,} samples: this model's chat template rewrites earlier "
            "replies, so a reply is learnt behind the conversation as the chat shows it then."
        )


def require_written(counts: Counts, model: str) -> None:
    """Raise UserError where the chat template of `model` can write none of the conversations that were counted."""
    if counts.refused and not counts.lengths:
        raise UserError(
            f"base model {model!r}",
            f"its chat template can write none of the conversations. The first is {counts.first_refused}.",
            "Change the order of their turns, or choose another base model.",
        )


def size_of(dataset: Version | Staged, row: int | None = None) -> Size:
    """The size of all conversations, or of conversation `row` (0: the first).

    Raises:
        UserError: the dataset's file is damaged.
    """
    characters = parquet.index(dataset.conversations_path)["characters"]
    here = characters if row is None else characters.slice(row, 1)
    return Size(pc.sum(here).as_py() or 0, pc.max(here).as_py() or 0)


def prepare(
    conversations: Iterable[Conversation], renderer: Renderer, config: TrainConfig, counts: Counts
) -> Iterator[Rendered]:
    """The samples of `conversations`, with `config.max_length` applied as `config.overlong` says, filling `counts`.

    A conversation that the chat template cannot write is left out.

    Raises:
        UserError: a conversation is over-long and `overlong` is "refuse", or the chat template has an error.
    """
    for conversation in conversations:
        try:
            samples = renderer.samples(conversation)
        except UnwritableError as error:
            counts.refused += 1
            counts.first_refused = counts.first_refused or f"{error.given}: {error.why.rstrip('.')}"
            continue
        counts.remarks.update(renderer.remarks(conversation))
        length = max(len(sample.input_ids) for sample in samples)
        counts.lengths.append(length)
        counts.longest = max(counts.longest, length)
        if length > config.max_length and config.overlong == "refuse":
            raise UserError(
                f"{conversation.origin.file}, record {conversation.origin.record}",
                f"it has {length} tokens, over the maximum length of {config.max_length}.",
                "Raise the maximum length, or choose to cut or drop over-long conversations.",
            )
        fitted = fit(samples, config.max_length, config.overlong)
        trained = [sample for sample in fitted if sample and any(sample.trained[1:])]
        if not trained:
            counts.dropped += not any(fitted)
            counts.no_trained += any(fitted)
            written = any(any(sample.trained) for sample in samples)
            counts.unwritten += any(fitted) and not written and _has_learned(conversation)
            continue
        counts.cut += fitted != samples
        counts.used += 1
        for sample in trained:
            counts.samples += 1
            counts.tokens += len(sample.input_ids)
            # The first token has no token before it to be predicted from.
            counts.trained_tokens += sum(sample.trained[1:])
            yield sample


def _has_learned(conversation: Conversation) -> bool:
    """Whether it has a reply that is to be learned; one that opens the conversation is only read."""
    return any(message.role == "assistant" and message.train for message in conversation.messages[1:])


def encode(
    conversations: Iterable[Conversation], renderer: Renderer, config: TrainConfig
) -> tuple[datasets.Dataset, Counts]:
    """A dataset with the columns `input_ids`, `labels` (-100 where no loss is taken) and `length`, and the counts."""
    counts = Counts()
    return joined(batches(conversations, renderer, config, counts)), counts


def batches(
    conversations: Iterable[Conversation], renderer: Renderer, config: TrainConfig, counts: Counts
) -> Iterator[pa.RecordBatch]:
    """The rows of `encode`, some at a time; `counts` is filled meanwhile."""
    rows, tokens = [], 0
    for rendered in prepare(conversations, renderer, config, counts):
        labels = [
            token if trained else IGNORED for token, trained in zip(rendered.input_ids, rendered.trained, strict=True)
        ]
        rows.append({"input_ids": rendered.input_ids, "labels": labels, "length": len(labels)})
        tokens += len(labels)
        if len(rows) == ROWS_A_BATCH or tokens >= TOKENS_A_BATCH:
            yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
            rows, tokens = [], 0
    yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def joined(parts: Iterable[pa.RecordBatch]) -> datasets.Dataset:
    """The rows of `batches` as a dataset."""
    import datasets

    return datasets.Dataset(pa.Table.from_batches(parts, schema=SCHEMA))


def with_blanks(rows: datasets.Dataset, many: int) -> datasets.Dataset:
    """`rows`, as of `encode`, and after them `many` of one token in which nothing is learnt.

    Processes that train together take batches of the same number: where there are not enough rows, these fill them.
    """
    import datasets

    blank = {"input_ids": [[0]] * many, "labels": [[IGNORED]] * many, "length": [1] * many}
    return datasets.concatenate_datasets([rows, datasets.Dataset.from_dict(blank, rows.features)]) if many else rows
