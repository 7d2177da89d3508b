"""A training that went wrong, said with the step and the conversations that did it."""

from __future__ import annotations

from collections.abc import Iterable

from formats.conversation import Conversation
from ft.config import TrainConfig
from ft.errors import UserError
from ft.template.render import Renderer
from ft.train.data import Counts, prepare
from ft.train.trainer import DivergedError

NAMED = 8  # conversations


def diverged(
    error: DivergedError, conversations: Iterable[Conversation], renderer: Renderer, config: TrainConfig
) -> UserError:
    """What to tell a person, with where the conversations of the step's batch come from and a rate to try."""
    wanted = {tuple(row) for row in error.rows}
    origins = []
    for conversation in conversations:
        found = {tuple(rendered.input_ids) for rendered in prepare([conversation], renderer, config, Counts())}
        if found & wanted:
            origins.append(f"{conversation.origin.file}, record {conversation.origin.record}")
    named = "; ".join(origins[:NAMED]) + (f"; and {len(origins) - NAMED} more" if len(origins) > NAMED else "")
    return UserError(
        f"step {error.step}",
        f"{error.why}: the model diverged. The step was taken on: {named}.",
        f"Start again with a lower learning rate, for example {config.learning_rate / 3:.1g} (a third of it). Where it "
        "happens at the same conversations again, look at them.",
    )
