"""One training run from start to end: prepare the data, load, train, validate, save the adapter."""

from __future__ import annotations

import gc
import json
import os
import platform
import shutil
from importlib.metadata import version as package_version
from itertools import chain
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase, set_seed

from ft.dataset import versions
from ft.errors import UserError
from ft.files import write_text
from ft.models import device
from ft.models.load import Loaded, load_base
from ft.runs import checkpoints, events
from ft.runs.directory import Run
from ft.template.render import Renderer
from ft.train.assemble import put_adapter, trainer_for, training_dtype
from ft.train.batch import Batch, batch_of, out_of_memory
from ft.train.callbacks import RunEvents, peak_memory_bytes
from ft.train.data import encode
from ft.train.diverged import diverged
from ft.train.log import tell
from ft.train.preflight import require_some, steps_between_validations, steps_for
from ft.train.probes import Probes, questions
from ft.train.tracker import place_tracker, require_tracker
from ft.train.trainer import DivergedError, ResponseTrainer


def train(run: Run) -> None:
    """Train `run` (from its last whole checkpoint where it has one) and leave its adapter and receipt in its directory.

    Where memory runs out it goes on from there with smaller batches and as many of them as make the same step.

    Raises:
        UserError: the model or the dataset cannot be used, training diverged, or the disk is full.
        RuntimeError: among others, memory ran out with one conversation at a time.
    """
    batch: Batch | None = batch_of(run.config.train, events.read(run))
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
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    tell(run, "smaller_batch", batch_size=smaller.size, gradient_accumulation=smaller.accumulation, was=batch.size)
    return smaller


def _train(run: Run, batch: Batch) -> None:
    config = run.config.train

    def say(what: str) -> None:
        tell(run, "preparing", what=what)

    require_tracker(config)
    place_tracker(run)
    set_seed(config.seed)
    loaded = load_base(config.model, config.method, say, dtype=training_dtype())
    say("Tokenising the conversations")
    dataset = versions.find(f"{run.config.dataset}@{run.config.version}")
    renderer = Renderer(loaded.tokenizer)
    training, counts = encode(dataset.conversations("train"), renderer, config)
    validation, held_out = encode(dataset.conversations("validation"), renderer, config)
    require_some(counts, run.config.dataset, config)
    tell(
        run,
        "data",
        train=counts.used,
        validation=held_out.used,
        tokens=counts.tokens,
        trained_tokens=counts.trained_tokens,
        longest=counts.longest,
        cut=counts.cut + held_out.cut,
        dropped=counts.dropped + held_out.dropped,
        no_trained=counts.no_trained + held_out.no_trained,
    )
    steps = steps_for(counts.samples, config)
    eval_steps = steps_between_validations(counts.samples, steps, config)
    has_validation = held_out.used > 0
    model = put_adapter(loaded, config)
    unseen_first = chain(dataset.conversations("validation"), dataset.conversations("train"))
    probes = Probes(run, questions(unseen_first, renderer, config.probes), renderer)
    reporter = RunEvents(run, steps, steps // eval_steps if has_validation else 0)
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
        callbacks=[reporter, probes],
    )
    checkpoint = _resume_point(run)
    first = checkpoints.step(checkpoint) if checkpoint else 0
    trainable, parameters = model.get_nb_trainable_parameters()
    tell(
        run,
        "started",
        step=first,
        steps=steps,
        resumed_from=first or None,
        device=str(device.describe()),
        dtype=loaded.precision,
        parameters=parameters,
        trainable=trainable,
    )
    if has_validation and not checkpoint:
        trainer.evaluate()
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except DivergedError as error:
        raise diverged(error, dataset.conversations("train"), renderer, config) from error
    _finish(run, trainer, reporter, loaded, steps)


def _resume_point(run: Run) -> Path | None:
    """The newest whole checkpoint; damaged ones that are newer are removed, and that is told."""
    whole, damaged = checkpoints.last_whole(run.checkpoints)
    for folder in damaged:
        shutil.rmtree(folder, ignore_errors=True)
        tell(run, "damaged", checkpoint=folder.name, best=False)
    return whole


def _finish(run: Run, trainer: ResponseTrainer, reporter: RunEvents, loaded: Loaded, steps: int) -> None:
    state = trainer.state
    best = state.best_global_step if state.best_model_checkpoint else state.global_step
    _save_adapter(run, trainer, loaded.tokenizer)
    receipt = {
        "run": run.id,
        "dataset": run.config.dataset,
        "version": run.config.version,
        "settings": run.config.train.model_dump(),
        "model": loaded.title,
        "precision": loaded.precision,
        "steps": state.global_step,
        "best_step": best,
        "tokens_per_second": round(reporter.totals["tokens"] / max(reporter.totals["seconds"], 1e-9), 1),
        "peak_memory_bytes": peak_memory_bytes(),
        "device": str(device.describe()),
        "python": platform.python_version(),
        "packages": {
            name: package_version(name) for name in ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets")
        },
    }
    write_text(run.receipt_path, json.dumps(receipt, indent=2))
    figures = {"step": state.global_step, "best_step": best, "peak_memory_bytes": receipt["peak_memory_bytes"]}
    figures["tokens_per_second"] = receipt["tokens_per_second"]
    if reporter.stopped:
        tell(run, "stopped", **figures)
    else:
        limit = "max_steps" if run.config.train.max_steps else "done"
        tell(run, "finished", reason=limit if state.global_step >= steps else "early_stopping", **figures)


def _save_adapter(run: Run, trainer: ResponseTrainer, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write the adapter (the trainer has loaded the best checkpoint's weights again) and rename it into place."""
    temporary = run.path / ".adapter.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    model = trainer.accelerator.unwrap_model(trainer.model)
    model.save_pretrained(temporary)
    if not (temporary / "adapter_model.safetensors").exists():
        raise UserError(str(temporary), "the adapter was not written.", "See the log, then resume the run.")
    tokenizer.save_pretrained(temporary)
    old = run.path / ".adapter.old"
    shutil.rmtree(old, ignore_errors=True)
    if run.adapter.exists():
        os.replace(run.adapter, old)
    os.replace(temporary, run.adapter)
    shutil.rmtree(old, ignore_errors=True)
