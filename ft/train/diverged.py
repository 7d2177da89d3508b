"""A training that went wrong, said with the step and the conversations that did it."""

from __future__ import annotations

from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import facts
from ft.models.learning_rate import rate, rate_below
from ft.train.rows import find_rows
from ft.train.trainer import DivergedError

NAMED = 8  # conversations


def diverged(error: DivergedError, dataset: Version, config: TrainConfig) -> UserError:
    """What to tell a person, with where the conversations of the step's batch come from and a rate to try."""
    origins = find_rows(dataset, {tuple(row) for row in error.rows}, config)
    lower = rate_below(facts.of(config.model, ask_hub=False), config.learning_rate)
    named = "; ".join(origins[:NAMED]) + (f"; and {len(origins) - NAMED} more" if len(origins) > NAMED else "")
    return UserError(
        f"step {error.step}",
        f"{error.why}: the model diverged. The step was taken on: {named}.",
        f"Start again with a lower learning rate, for example {rate(lower)} instead of {rate(config.learning_rate)}. "
        "Where it happens at the same conversations again, look at them.",
    )
