"""What the trainer reports, written down as the run's events; and how it is asked to stop."""

from __future__ import annotations

import resource
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ft.runs import checkpoints
from ft.runs.directory import Run
from ft.runs.stopping import is_asked
from ft.train.doing import Batches
from ft.train.log import tell
from ft.train.ranks import any_of


def memory_bytes() -> int:
    """Memory that this process uses: its resident set; on a GPU, where a step's memory is gone at its end, the most
    since this was last asked."""
    if torch.cuda.is_available():
        most = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return most
    return psutil.Process().memory_info().rss


def peak_memory_bytes() -> int:
    """The most memory this process has used: on the GPU where there is one, else its largest resident set."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB, macOS in bytes


class RunEvents(TrainerCallback):
    """Writes `step`, `validation` and `checkpoint` events for `run`, and stops at a step's end when asked to; the
    trainer asks it during a validation.

    tokens_per_second counts tokens that are not padding, over the last steps, without validations and checkpoints.
    """

    def __init__(self, run: Run, steps: int, validations_ahead: int) -> None:
        self.run, self.steps = run, steps
        self._heeded = False
        self._step, self._validated = 0, -1  # the last one taken, and the last one validated after
        self._validating = Batches(run, "Validating")
        self._recent: deque[tuple[int, float]] = deque(maxlen=10)  # (tokens, seconds) of the last steps
        self._begun = time.monotonic()
        self._tokens_before = 0.0
        self._step_seconds = 0.0
        self._validation_seconds = 0.0
        self._validations, self._validations_ahead = validations_ahead, validations_ahead
        self._most = 0
        self.totals = {"tokens": 0, "seconds": 0.0}

    @property
    def stopped(self) -> bool:
        """Whether it stopped because it was asked to, with something left to do."""
        return self._heeded and (self._step < self.steps or (self._validations > 0 and self._validated < self._step))

    def heed(self, device: torch.device) -> bool:
        """Whether the run is to stop. Of several processes each has to call this, and all get the same."""
        self._heeded = any_of(is_asked(self.run), device)
        return self._heeded

    def validating(self, batch: int, batches: int) -> None:
        """Tell that a batch of a validation begins; 1 is the first."""
        self._validating.tell(batch, batches)

    @property
    def peak_memory_bytes(self) -> int:
        """The most memory that the run has taken so far."""
        return max(self._most, peak_memory_bytes())

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._step = state.global_step
        best = self.run.checkpoints / Path(state.best_model_checkpoint).name if state.best_model_checkpoint else None
        if best is not None and not checkpoints.is_whole(best):
            tell(self.run, "damaged", checkpoint=best.name, best=True)
            best = None
        if best is None:  # the next validation is the best so far
            state.best_metric = state.best_global_step = None
        state.best_model_checkpoint = None if best is None else str(best)  # the run's folder may have been moved

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._begun = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._step_seconds = time.monotonic() - self._begun
        self._step = state.global_step
        if self.heed(args.device):
            control.should_training_stop = True
            control.should_save = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        total = float(logs.get("num_tokens", 0))
        tokens, self._tokens_before = int(total - self._tokens_before), total
        self._recent.append((tokens, self._step_seconds))
        self.totals["tokens"] += tokens
        self.totals["seconds"] += self._step_seconds
        seconds = sum(each for _, each in self._recent)
        rate = sum(count for count, _ in self._recent) / seconds if seconds else 0.0
        left = (self.steps - state.global_step) * seconds / len(self._recent)
        left += max(0, self._validations_ahead) * self._validation_seconds
        used = memory_bytes()
        self._most = max(self._most, used)
        tell(
            self.run,
            "step",
            step=state.global_step,
            steps=self.steps,
            epoch=round(state.epoch or 0.0, 3),
            loss=float(logs["loss"]),
            learning_rate=logs.get("learning_rate"),
            grad_norm=logs.get("grad_norm"),
            tokens_per_second=round(rate, 1),
            memory_bytes=used,
            seconds_left=round(left, 1),
        )

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not metrics or "eval_loss" not in metrics:
            return
        self._validated = state.global_step
        self._validation_seconds = metrics.get("eval_runtime", 0.0)
        if state.global_step:
            self._validations_ahead -= 1
        tell(
            self.run,
            "validation",
            step=state.global_step,
            epoch=round(state.epoch or 0.0, 3),
            loss=metrics["eval_loss"],
            token_accuracy=metrics.get("eval_mean_token_accuracy"),
        )

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        tell(self.run, "checkpoint", step=state.global_step)
