"""What a training run would do, before it is started: conversations, tokens, steps, and what stands in its way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ft.config import TrainConfig, require_positions
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import catalogue, device, facts
from ft.template.apart import rendered
from ft.template.render import Renderer
from ft.train.batch import batch_of
from ft.train.data import Counts, prepare, require_written, size_of
from ft.train.remarks import remarks
from ft.train.tracker import require_tracker


@dataclass(frozen=True, slots=True)
class Preflight:
    """Counts for the training side (and `validation` conversations held out); lengths and tokens before padding.

    `validations` counts the one before training too.
    """

    train: int
    samples: int  # of the training side: mostly one a conversation
    validation: int
    tokens: int
    trained_tokens: int
    longest: int
    over_limit: int
    no_trained: int
    steps: int
    validations: int
    validation_tokens: int
    lengths: list[int]
    remarks: list[str]


def steps_for(samples: int, config: TrainConfig) -> int:
    """Optimiser steps of a run over `samples` training samples: mostly one a conversation."""
    if config.max_steps:
        return config.max_steps
    batches = math.ceil(samples / config.batch_size)
    return max(1, math.ceil(math.ceil(batches / config.gradient_accumulation) * config.epochs))


def steps_between_validations(samples: int, steps: int, config: TrainConfig) -> int:
    """`config.eval_steps`, or a quarter of an epoch; at most all `steps`."""
    epoch = steps_for(samples, config.with_settings({"epochs": 1, "max_steps": 0}))
    return min(steps, config.eval_steps or max(1, math.ceil(epoch / 4)))


def check(
    version: Version,
    config: TrainConfig,
    progress: Callable[[str], None] | None = None,
    heed: Callable[[], None] | None = None,
) -> Preflight:
    """Tokenise the dataset as training would, with the model's tokenizer alone. `heed` is called again and again, and
    what it raises ends the check.

    Raises:
        UserError: training cannot start: the model or the GPUs cannot be used, or no conversation would be trained on.
    """
    catalogue.resolve(config.model)
    require_tracker(config)
    gpus = device.chosen(config.gpus)
    batch = batch_of(config, [], len(gpus))
    train, held_out = Counts(), Counts()
    for found in rendered(
        config.model, _tokenise, version, config, size=size_of(version), again=True, progress=progress, heed=heed
    ):
        if found:
            train, held_out = found
    require_some(train, version.name, config)
    known = facts.of(config.model, ask_hub=False)
    require_positions(config, known.positions if known else 0)
    said = remarks(config, train, held_out, known)
    if gpus[0].kind == "cpu" and (unseen := device.unseen()):
        said.append(unseen)
    if len(gpus) > 1:
        said.append(
            f"{len(gpus)} GPUs share each step: {batch.size * batch.accumulation} of its {batch.rows_a_step} "
            f"conversations on each, {batch.size} at once."
        )
    steps = steps_for(train.samples, config)
    between = steps_between_validations(train.samples, steps, config)
    return Preflight(
        train=train.used,
        samples=train.samples,
        validation=held_out.used,
        tokens=train.tokens,
        trained_tokens=train.trained_tokens,
        longest=max(train.longest, held_out.longest),
        over_limit=train.cut + train.dropped + held_out.cut + held_out.dropped,
        no_trained=train.no_trained + held_out.no_trained,
        steps=steps,
        validations=1 + math.ceil(steps / between) if held_out.used else 0,
        validation_tokens=held_out.tokens,
        lengths=train.lengths + held_out.lengths,
        remarks=said,
    )


def _tokenise(renderer: Renderer, version: Version, config: TrainConfig) -> Iterator[tuple[Counts, Counts] | None]:
    train, held_out = Counts(), Counts()
    for split, counts in (("train", train), ("validation", held_out)):
        for _ in prepare(version.conversations(split), renderer, config, counts):
            yield None
    yield train, held_out


def require_some(train: Counts, dataset: str, config: TrainConfig) -> None:
    """Raise UserError where no conversation is left to train on."""
    if train.used:
        return
    require_written(train, config.model)
    why = train.lost() or "it holds none on the training side"
    if train.unwritten == len(train.lengths) > 0:
        raise UserError(
            f"base model {config.model!r}",
            "its chat template does not write what the assistant says, so that nothing can be learned.",
            "Choose another base model, or mend the template in its files.",
        )
    raise UserError(
        f"dataset {dataset!r}",
        f"no conversation of it can be trained on: {why}.",
        f"Raise the maximum length (now {config.max_length} tokens; the longest conversation has {train.longest}), "
        "or build a dataset with more replies.",
    )
