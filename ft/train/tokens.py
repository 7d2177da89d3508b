"""A dataset in tokens, as documents: one conversation as the model sees it, and how long all of them are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ft.config import TrainConfig, length_within
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import facts
from ft.template.apart import rendered
from ft.template.microscope import Microscope, look
from ft.template.render import Renderer
from ft.train.data import Counts, prepare, require_written, size_of
from ft.train.remarks import on_length, on_template

BINS = 12
_A_PROGRESS = 500  # conversations


def config_of(model: str, max_length: float | None) -> TrainConfig:
    """How `model` ("": the default) reads a dataset where conversations have at most `max_length` tokens: what a run
    has unless it is chosen (None or 0), and no more than the model reads then.

    Raises:
        UserError: a value does not fit.
    """
    given: dict[str, Any] = {"model": model} if model else {}
    if max_length:
        return TrainConfig().with_settings({**given, "max_length": int(max_length)})
    config = TrainConfig().with_settings(given)
    known = facts.of(config.model, ask_hub=False)
    return config.with_settings({"max_length": length_within(config, known.positions if known else 0)})


def look_at(
    looked: Version | Staged,
    row: int,
    config: TrainConfig,
    say: Callable[[str], None] | None = None,
    heed: Callable[[], None] | None = None,
) -> Microscope:
    """Conversation `row` (1: the first), token by token. What `heed` raises, called again and again, ends it.

    Raises:
        UserError: there is no such row, the model cannot be used, or the chat template cannot write it.
    """
    total = int(looked.report["kept"])
    if not 1 <= row <= total:
        raise UserError(f"conversation {row:,}", f"there are 1 to {total:,}.", "Choose one of them.")
    size = size_of(looked, row - 1)
    (seen,) = rendered(
        config.model, _look, looked, row - 1, config.max_length, size=size, again=True, progress=say, heed=heed
    )
    return seen


def _look(renderer: Renderer, looked: Version | Staged, row: int, max_length: int) -> Iterator[Microscope]:
    (conversation,) = looked.conversations(start=row, limit=1)
    yield look(conversation, renderer, max_length)


def count_all(
    looked: Version | Staged,
    config: TrainConfig,
    say: Callable[[str], None] | None = None,
    heed: Callable[[], None] | None = None,
) -> Counts:
    """The tokens of all conversations counted, as training would take them. What `heed` raises, called again and again,
    ends it.

    Raises:
        UserError: the model cannot be used, or its chat template can write none of the conversations.
    """
    counts, size = Counts(), size_of(looked)
    for found in rendered(config.model, _count, looked, config, size=size, again=True, progress=say, heed=heed):
        if isinstance(found, Counts):
            counts = found
        elif say and found:
            say(f"{found:,} conversations counted")
    require_written(counts, config.model)
    return counts


def _count(renderer: Renderer, looked: Version | Staged, config: TrainConfig) -> Iterator[int | Counts]:
    counts = Counts()
    for done, _ in enumerate(prepare(looked.conversations(), renderer, config, counts)):
        if done % _A_PROGRESS == 0:
            yield done
    yield counts


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


def said_of_all(counts: Counts, config: TrainConfig) -> list[str]:
    """What a person should know beside the lengths, in sentences."""
    several = [counts.several()] if counts.several() else []
    left = [f"Of these: {counts.unlearned()}."] if counts.unlearned() else []
    left += [f"Beside these: {counts.unwritable()}."] if counts.refused else []
    return [*several, *left, *on_template(counts), *on_length(config, facts.of(config.model, ask_hub=False))]


def one_as_json(seen: Microscope, row: int, model: str) -> dict[str, Any]:
    """{"row", "model", "max_length", "samples", "count", "shown", "trained", "cut", "lost_turns",
    "end_of_turn_trained", "remarks", "tokens": [{"ids", "text", "kind", "special", "sample"}]}; "tokens" are the first
    "shown" of "count"."""
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
        "shown": seen.shown,
        "trained": seen.trained,
        "cut": seen.cut,
        "lost_turns": seen.lost_turns,
        "end_of_turn_trained": list(seen.ends),
        "remarks": list(seen.remarks),
        "tokens": tokens,
    }


def all_as_json(looked: Version, counts: Counts, config: TrainConfig) -> dict[str, Any]:
    """{"dataset", "version", "model", "conversations", "tokens", "trained", "shortest", "median", "longest",
    "max_length", "beyond", "remarks", "histogram": [{"from", "to", "conversations"}]}."""
    lengths = Lengths.of(counts, config.max_length)
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
        "remarks": said_of_all(counts, config),
        "histogram": [{"from": a, "to": b, "conversations": many} for a, b, many in lengths.histogram],
    }
