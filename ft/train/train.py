"""One training run from start to end: prepare the data, load, train, validate, save the adapter."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import PartialState
from transformers import set_seed

from ft.config import require_positions
from ft.dataset import versions
from ft.dataset.held_out import digest as held_out_digest
from ft.models import device, facts
from ft.models.hardware import computing_on
from ft.models.load import load_base
from ft.models.memory import give_back, out_of_memory
from ft.models.saved_tokenizer import require_same
from ft.runs import checkpoints, events
from ft.runs.directory import Run
from ft.train.assemble import put_adapter, trainer_for, training_dtype
from ft.train.batch import Batch, batch_of
from ft.train.callbacks import RunEvents
from ft.train.diverged import diverged
from ft.train.finish import finish
from ft.train.log import tell
from ft.train.optimizer import forget_embeddings
from ft.train.preflight import require_some, steps_between_validations, steps_for
from ft.train.probes import Probes
from ft.train.ranks import from_first, processes, rank, with_others
from ft.train.remarks import remarks
from ft.train.rows import encode
from ft.train.told import ToldAlreadyError, is_told
from ft.train.tracker import place_tracker, require_tracker
from ft.train.trainer import DivergedError


def train(run: Run) -> None:
    """Train `run` (from its last whole checkpoint where it has one) and leave its adapter and receipt in its directory.

    Where memory runs out it goes on from there with smaller batches and as many of them as make the same step. Of
    several processes (see `ft.train.ranks`) each calls this.

    Raises:
        ToldAlreadyError: memory ran out in one of several processes; all have to be started again.
        UserError: the model or the dataset cannot be used, training diverged, or the disk is full.
        RuntimeError: among others, memory ran out with one conversation at a time.
    """
    if processes() > 1:
        # Meets the others, and gives each its GPU. One may have to fetch a large model before it meets them again.
        PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(hours=2))
    batch: Batch | None = batch_of(run.config.train, events.read(run), processes())
    while batch is not None:
        batch = _attempt(run, batch)


def _attempt(run: Run, batch: Batch) -> Batch | None:
    """Train to the end; where memory runs out, give the smaller batch to go on with."""
    try:
        _train(run, batch)
        return None
    except (RuntimeError, MemoryError) as error:
        smaller = batch.smaller()
        if smaller is None or not out_of_memory(error):
            raise
    # Only here: while the error is handled, its traceback holds the model.
    forget_embeddings()
    give_back()
    sizes = {"batch_size": smaller.size, "gradient_accumulation": smaller.accumulation, "was": batch.size}
    if not is_told(run):
        tell(run, "smaller_batch", any_rank=True, **sizes)
    if processes() > 1:
        raise ToldAlreadyError
    return smaller


def _train(run: Run, batch: Batch) -> None:
    config = run.config.train

    def say(what: str) -> None:
        tell(run, "preparing", what=what)

    require_tracker(config)
    place_tracker(run)
    set_seed(config.seed)
    loaded = load_base(config.model, config.method, say, dtype=_dtype(run))
    known = facts.of(config.model, ask_hub=False)
    require_positions(config, known.positions if known else 0)
    say("Tokenizing the conversations")
    dataset = versions.find(f"{run.config.dataset}@{run.config.version}")
    training, counts, validation, held_out, asked = encode(dataset, config)
    require_some(counts, run.config.dataset, config)
    tell(
        run,
        "data",
        train=counts.used,
        validation=held_out.used,
        tokens=counts.tokens,
        trained_tokens=counts.trained_tokens,
        held_out=held_out_digest(dataset),  # two runs can be compared where these three are the same
        validation_tokens=held_out.tokens,
        validation_trained_tokens=held_out.trained_tokens,
        longest=counts.longest,
        cut=counts.cut + held_out.cut,
        dropped=counts.dropped + held_out.dropped,
        no_trained=counts.no_trained + held_out.no_trained,
        remarks=remarks(config, counts, held_out, known),
    )
    steps = steps_for(counts.samples, config)
    eval_steps = steps_between_validations(counts.samples, steps, config)
    has_validation = held_out.used > 0
    set_seed(config.seed)  # whatever drew random numbers until here (a run that goes on draws others), it begins alike
    model = put_adapter(loaded, config)
    probes = Probes(run, asked, loaded.tokenizer)
    reporter = RunEvents(run, steps, steps // eval_steps if has_validation else 0)
    checkpoint = _resume_point(run)
    first = checkpoints.step(checkpoint) if checkpoint else 0
    if checkpoint:
        require_same(loaded.tokenizer, checkpoint, config.model)
    trainer = trainer_for(
        model,
        loaded,
        config,
        batch,
        run.checkpoints,
        training,
        validation if has_validation else None,
        steps=steps,
        eval_steps=eval_steps,
        validate_first=checkpoint is None or _left_out(run, first, steps, eval_steps),
        callbacks=[reporter, probes],
        reporter=reporter,
    )
    trainable, parameters = model.get_nb_trainable_parameters()
    tell(
        run,
        "started",
        step=first,
        steps=steps,
        resumed_from=first or None,
        device=with_others(loaded.device),
        dtype=loaded.precision,
        parameters=parameters,
        trainable=trainable,
    )
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except DivergedError as error:
        raise diverged(error, dataset, config) from error
    if rank() == 0:
        finish(run, trainer, reporter, loaded, steps)


def _left_out(run: Run, step: int, steps: int, eval_steps: int) -> bool:
    """Whether the validation after `step` was due and was not made: somebody stopped the run in the middle of it."""
    validated = {event["step"] for event in events.standing(events.read(run)) if event["kind"] == "validation"}
    return (step % eval_steps == 0 or step >= steps) and step not in validated


def _dtype(run: Run) -> torch.dtype:
    """What this device is fast in; of a run that goes on where it began, what it began in: on a busy machine the
    measurement may come out differently, and the weights would not be the same to the bit."""
    began = next((event for event in events.read(run) if event["kind"] == "started"), None)
    if began and began["device"].startswith(computing_on(device.describe()).name):
        name = began["dtype"].rpartition(" ")[2]
    else:
        name = str(training_dtype()).removeprefix("torch.")
    found: torch.dtype = getattr(torch, from_first(name))
    return found


def _resume_point(run: Run) -> Path | None:
    """The newest whole checkpoint; damaged ones that are newer are removed, and that is told."""
    name = ""
    if rank() == 0:
        whole, damaged = checkpoints.last_whole(run.checkpoints)
        for folder in damaged:
            shutil.rmtree(folder, ignore_errors=True)
            tell(run, "damaged", checkpoint=folder.name, best=False)
        name = whole.name if whole else ""
    name = from_first(name)
    return run.checkpoints / name if name else None
