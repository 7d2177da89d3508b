"""A dataset in tokens, as documents: one conversation as the model sees it, and how long all of them are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ft.config import TrainConfig
from ft.dataset import parquet
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import catalogue
from ft.models.load import load_tokenizer
from ft.template.microscope import Microscope, look
from ft.template.render import Renderer
from ft.train.data import Counts, prepare

BINS = 12
_A_PROGRESS = 500  # conversations


def renderer(model: str, say: Callable[[str], None] | None = None) -> Renderer:
    """How `model` (see `ft.models.catalogue`) writes conversations; its tokenizer is fetched where it is not there.

    Raises:
        UserError: there is no such model, or it cannot be fetched.
    """
    name = (model or "").strip()
    catalogue.resolve(name)
    return Renderer(load_tokenizer(name, say))


def look_at(looked: Version | Staged, row: int, config: TrainConfig, by: Renderer | None = None) -> Microscope:
    """Conversation `row` (1: the first), token by token.

    Raises:
        UserError: there is no such row, or the chat template cannot write it.
    """
    total = int(looked.report["kept"])
    if not 1 <= row <= total:
        raise UserError(f"conversation {row:,}", f"there are 1 to {total:,}.", "Choose one of them.")
    by = by or renderer(config.model)
    (conversation,) = parquet.take(looked.conversations_path, [row - 1])
    return look(conversation, by, config.max_length)


def count_all(looked: Version | Staged, config: TrainConfig, say: Callable[[str], None] | None = None) -> Counts:
    """The tokens of all conversations counted, as training would take them."""
    counts = Counts()
    for done, _ in enumerate(prepare(looked.conversations(), renderer(config.model, say), config, counts)):
        if say and done and done % _A_PROGRESS == 0:
            say(f"{done:,} conversations counted")
    return counts


@dataclass(frozen=True, slots=True)
class Lengths:
    """What the lengths of all conversations come to, in tokens; `beyond` are longer than the maximum length."""

    conversations: int
    tokens: int
    trained: int
    shortest: int
    median: int
    longest: int
    beyond: int
    histogram: tuple[tuple[int, int, int], ...]  # from, to, conversations

    @classmethod
    def of(cls, counts: Counts, max_length: int) -> Lengths:
        ordered = sorted(counts.lengths)
        beyond = sum(length > max_length for length in ordered)
        middle = ordered[len(ordered) // 2]
        whole = sum(ordered)
        return cls(
            len(ordered), whole, counts.trained_tokens, ordered[0], middle, ordered[-1], beyond, _histogram(ordered)
        )


def _histogram(ordered: list[int]) -> tuple[tuple[int, int, int], ...]:
    width = max(1, -(-(ordered[-1] + 1 - ordered[0]) // BINS))
    starts = range(ordered[0], ordered[-1] + 1, width)
    return tuple(
        (start, start + width - 1, sum(start <= length < start + width for length in ordered)) for start in starts
    )


def one_as_json(seen: Microscope, row: int, model: str) -> dict[str, Any]:
    """{"row", "model", "max_length", "samples", "count", "trained", "cut", "lost_turns", "end_of_turn_trained",
    "tokens": [{"ids", "text", "kind", "special", "sample"}]}."""
    tokens = [
        {"ids": list(p.ids), "text": p.text, "kind": p.kind, "special": p.special, "sample": p.sample + 1}
        for p in seen.pieces
    ]
    return {
        "row": row,
        "model": model,
        "max_length": seen.max_length,
        "samples": seen.samples,
        "count": seen.tokens,
        "trained": seen.trained,
        "cut": seen.cut,
        "lost_turns": seen.lost_turns,
        "end_of_turn_trained": list(seen.ends),
        "tokens": tokens,
    }


def all_as_json(looked: Version, lengths: Lengths, config: TrainConfig) -> dict[str, Any]:
    """{"dataset", "version", "model", "conversations", "tokens", "trained", "shortest", "median", "longest",
    "max_length", "beyond", "histogram": [{"from", "to", "conversations"}]}."""
    return {
        "dataset": looked.name,
        "version": looked.version,
        "model": config.model,
        "conversations": lengths.conversations,
        "tokens": lengths.tokens,
        "trained": lengths.trained,
        "shortest": lengths.shortest,
        "median": lengths.median,
        "longest": lengths.longest,
        "max_length": config.max_length,
        "beyond": lengths.beyond,
        "histogram": [{"from": a, "to": b, "conversations": many} for a, b, many in lengths.histogram],
    }
