"""One training run from start to end: prepare the data, load, train, validate, save the adapter."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
from importlib.metadata import version as package_version

import torch
from peft import get_peft_model
from transformers import EarlyStoppingCallback, PreTrainedTokenizerBase, PrinterCallback, set_seed
from transformers.trainer_utils import get_last_checkpoint

from ft.config import TrainConfig
from ft.dataset import versions
from ft.errors import UserError
from ft.models import device
from ft.models.load import Loaded, load_base
from ft.runs.directory import Run
from ft.template.render import Renderer
from ft.train.adapter import lora_config
from ft.train.arguments import training_arguments
from ft.train.callbacks import RunEvents, peak_memory_bytes
from ft.train.data import encode
from ft.train.log import tell
from ft.train.preflight import require_some, steps_for
from ft.train.trainer import ResponseTrainer


def train(run: Run) -> None:
    """Train `run` (from its last checkpoint where it has one) and leave its adapter and receipt in its directory.

    Raises:
        UserError: the model or the dataset cannot be used, or training diverged.
        RuntimeError: out of memory, among others.
    """
    config = run.config.train

    def say(what: str) -> None:
        tell(run, "preparing", what=what)

    set_seed(config.seed)
    loaded = load_base(config.model, config.method, say, dtype=_training_dtype())
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
    eval_steps = min(steps, config.eval_steps or max(1, math.ceil(steps_for(counts.samples, _one_epoch(config)) / 4)))
    has_validation = held_out.used > 0
    arguments = training_arguments(
        config,
        run.checkpoints,
        steps=steps,
        eval_steps=eval_steps,
        has_validation=has_validation,
        bf16=loaded.precision.endswith("bfloat16"),
    )
    for parameter in loaded.model.parameters():
        parameter.requires_grad_(False)
    model = get_peft_model(loaded.model, lora_config(config, loaded.model))
    reporter = RunEvents(run, steps, steps // eval_steps if has_validation else 0)
    trainer = ResponseTrainer(
        model=model,
        args=arguments,
        train_dataset=training,
        eval_dataset=validation if has_validation else None,
        processing_class=loaded.tokenizer,
        callbacks=[reporter],
    )
    trainer.remove_callback(PrinterCallback)
    if has_validation and config.early_stopping_patience:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=config.early_stopping_patience))
    checkpoint = get_last_checkpoint(str(run.checkpoints)) if run.checkpoints.is_dir() else None
    first = int(checkpoint.rsplit("-", 1)[1]) if checkpoint else 0
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
    trainer.train(resume_from_checkpoint=checkpoint)
    _finish(run, trainer, reporter, loaded, steps)


def _training_dtype() -> torch.dtype:
    """bf16 on CUDA; on a CPU what a short measurement says."""
    return torch.bfloat16 if torch.cuda.is_available() else device.fast_cpu_dtype()


def _one_epoch(config: TrainConfig) -> TrainConfig:
    return config.with_settings({"epochs": 1, "max_steps": 0})


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
    temporary = run.receipt_path.with_suffix(".tmp")
    temporary.write_text(json.dumps(receipt, indent=2))
    temporary.replace(run.receipt_path)
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
