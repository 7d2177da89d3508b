"""What a run leaves: its adapter, its receipt and its last event."""

from __future__ import annotations

import json
import os
import platform
import shutil
from importlib.metadata import version as package_version
from typing import Any

from transformers import PreTrainedTokenizerBase

from ft.errors import UserError
from ft.files import write_text
from ft.models.load import Loaded
from ft.runs.directory import Run
from ft.train.callbacks import RunEvents
from ft.train.log import tell
from ft.train.ranks import with_others
from ft.train.trainer import ResponseTrainer


def finish(run: Run, trainer: ResponseTrainer, reporter: RunEvents, loaded: Loaded, steps: int) -> None:
    """Leave the adapter of the best checkpoint, which `trainer` holds, and the receipt, and tell how the run ended."""
    tell(run, "doing", what="Saving the adapter")
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
        "peak_memory_bytes": reporter.peak_memory_bytes,
        "device": with_others(loaded.device),
        "python": platform.python_version(),
        "packages": {
            name: package_version(name) for name in ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets")
        },
    }
    write_text(run.receipt_path, json.dumps(receipt, indent=2))
    figures: dict[str, Any] = {name: receipt[name] for name in ("best_step", "peak_memory_bytes", "tokens_per_second")}
    figures["step"] = state.global_step
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
