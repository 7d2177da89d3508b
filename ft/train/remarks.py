"""What a person should know of a run before it trains, in sentences: for the page, the command line, and its events."""

from __future__ import annotations

from collections import Counter

from ft.config import TrainConfig
from ft.dataset.remarks import NONE_HELD_OUT
from ft.figures import count
from ft.models.facts import ModelFacts
from ft.models.learning_rate import learning_rate_hint, rank_hint
from ft.train.data import Counts


def remarks(config: TrainConfig, train: Counts, held_out: Counts, known: ModelFacts | None) -> list[str]:
    """What becomes of the conversations on the two sides of the split, and what of `config` is far from what suits a
    model of which that is `known`."""
    found = []
    for counts, side in ((train, "training"), (held_out, "validation")):
        if counts.lost():
            found.append(f"Of the {side} conversations: {counts.lost()} (maximum length {config.max_length} tokens).")
    found.append(train.several())
    if not held_out.used:
        found.append(NONE_HELD_OUT)
    found += on_template(train, held_out)
    if known is not None:
        found.append(learning_rate_hint(known, config.learning_rate, config.lora_variant))
        found.append(rank_hint(known, config.lora_rank, config.trained_layers, train.trained_tokens))
    return [sentence for sentence in found if sentence]


def on_length(config: TrainConfig, known: ModelFacts | None) -> list[str]:
    """That the maximum length is more than the model reads."""
    if known is None or not 0 < known.positions < config.max_length:
        return []
    return [
        f"This model reads at most {known.positions:,} tokens, and cannot be trained with a maximum length of "
        f"{config.max_length:,}: use one up to {known.positions}."
    ]


def on_template(*counts: Counts) -> list[str]:
    """What of the conversations the model's chat template has no place for, and of how many."""
    together = sum((each.remarks for each in counts), Counter[str]())
    return [f"{sentence} This concerns {count(many, 'conversation')}." for sentence, many in together.items()]
