"""What a trial found, in sentences, for the page and for the terminal."""

from __future__ import annotations

from ft.config import TrainConfig, gpus_of
from ft.figures import duration, memory
from ft.train.preflight import Preflight
from ft.train.trial import Attempt, Trial, seconds

_CHANGED = {
    "checkpointing": "gradient checkpointing",
    "batch_size": "batch size",
    "gradient_accumulation": "gradient accumulation",
    "max_length": "max length",
}


def report(found: Trial, counts: Preflight, price: float | None = None) -> list[str]:
    """One sentence each on memory, on what has to change, and on time and cost at `price` an hour (None: no price)."""
    first, fitting = found.attempts[0], found.fitting
    lines = [_memory(first, found.room_bytes)]
    if fitting is None:
        lines.append("Nothing that was tried fits, down to one short conversation at a time: choose a smaller model.")
        return lines
    gpus = gpus_of(first.config)
    if len(gpus) > 1:
        lines.append(
            f"Measured on GPU {gpus[0]}, with its share of a step; what follows takes the others to be as fast."
        )
    if found.changes:
        lines.append(f"It fits with {changes(found)}: {_needs(fitting)}.{_same(found, fitting.config)}")
    took = seconds(fitting, counts)
    if took is not None and fitting.tokens_per_second:
        cost = "" if price is None else f", about {took / 3600 * price:.2f} at {price:g} an hour"
        speed = fitting.tokens_per_second * max(1, len(gpus))
        lines.append(
            f"{speed:,.0f} tokens a second: about {duration(took)} for {counts.steps:,} steps and "
            f"{counts.validations} validations{cost}. Less where it stops early."
        )
    return lines


def changes(found: Trial) -> str:
    """The settings to change, as "batch size 2, gradient accumulation 2"."""
    return ", ".join(f"{_CHANGED.get(name, name)} {value}" for name, value in found.changes.items())


def _memory(first: Attempt, room: int) -> str:
    if first.peak_bytes is None:
        return f"Two steps on the longest batch need more memory than the {memory(room)} that are free."
    verdict = "it fits" if first.fits else "it does not fit"
    return f"Two steps on the longest batch took {memory(first.peak_bytes)} of the {memory(room)} free: {verdict}."


def _needs(fitting: Attempt) -> str:
    return f"{memory(fitting.peak_bytes or 0)} at most"


def _same(found: Trial, config: TrainConfig) -> str:
    if config.max_length != found.attempts[0].config.max_length:
        return " Conversations that are longer are cut: see the plan."
    return " It learns the same."
