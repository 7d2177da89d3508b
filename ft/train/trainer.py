"""The trainer: TRL's, with an exact validation loss, a loss that is cheap on a CPU, an order of the data that does not
change when a run is resumed, and checkpoints that are known to be whole."""

from __future__ import annotations

import math
import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn.functional import cross_entropy
from torch.utils.data import Sampler
from trl import SFTTrainer

from ft.errors import UserError
from ft.figures import memory
from ft.runs import checkpoints
from ft.train.data import IGNORED
from ft.train.loss import head_gives_the_logits, response_loss
from ft.train.order import StepOrder

WATCHED = 5  # steps over which a loss that is worse than guessing, or no gradient at all, is no accident


class DivergedError(Exception):
    """Training went wrong at `step`; `rows` are the tokens of each conversation of its batch."""

    def __init__(self, step: int, why: str, rows: list[list[int]]) -> None:
        super().__init__(f"step {step}: {why}")
        self.step, self.why, self.rows = step, why, rows


class ResponseTrainer(SFTTrainer):
    """SFTTrainer whose validation loss is the mean over all trained tokens (Trainer's is the mean of the batches'
    means) and which, on a CPU, computes logits for trained tokens alone. `rows_a_step`: conversations in one step."""

    def __init__(self, *args: Any, rows_a_step: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rows_a_step = rows_a_step
        self._validation = {"nll": 0.0, "hits": 0.0, "tokens": 0}
        self._batches: list[dict[str, Any]] = []  # of the step that is being taken
        self._first_loss: float | None = None
        self._losses: deque[float] = deque(maxlen=WATCHED)
        self._gradients: deque[float] = deque(maxlen=WATCHED)
        causal: Any = kwargs["model"].get_base_model()
        self._vocabulary = causal.config.get_text_config().vocab_size
        # Tried in eval mode: dropout would make any two passes differ.
        self._head_alone = not torch.cuda.is_available() and head_gives_the_logits(causal.eval())

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean negative log-likelihood per trained token, a scalar tensor; over `num_items_in_batch` where given."""
        training = model.training
        if torch.cuda.is_available():  # TRL's fused head skips untrained tokens itself where Triton runs
            smoother, self.label_smoother = self.label_smoother, self.label_smoother if training else None
            loss = super().compute_loss(model, inputs, False, num_items_in_batch)
            self.label_smoother = smoother
        else:
            loss = self._cpu_loss(model, inputs, num_items_in_batch)
        if not training:
            tokens = int((inputs["labels"][:, 1:] != IGNORED).sum())
            accuracy = self._metrics["eval"]["mean_token_accuracy"][-1]
            self._validation["nll"] += float(loss) * tokens
            self._validation["hits"] += accuracy * tokens
            self._validation["tokens"] += tokens
        return (loss, {}) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As SFTTrainer's, with the exact validation figures in place of the means over batches."""
        if "eval_loss" in logs and self._validation["tokens"]:
            sums, self._validation = self._validation, {"nll": 0.0, "hits": 0.0, "tokens": 0}
            self._metrics["eval"].pop("mean_token_accuracy", None)
            logs["eval_loss"] = sums["nll"] / sums["tokens"]
            logs["eval_mean_token_accuracy"] = sums["hits"] / sums["tokens"]
        super().log(logs, start_time)
        if "loss" in logs:
            self._require_sane(float(logs["loss"]), float(logs.get("grad_norm", 0.0)))

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> Any:
        """As Trainer's, but what a step is taken on is kept until the next one, to name it if it goes wrong."""
        found = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._batches = found[0]
        return found

    def _require_sane(self, loss: float, gradient: float) -> None:
        """Raise DivergedError where the step just taken has ruined the model, before a checkpoint is made of it."""
        self._first_loss = loss if self._first_loss is None else self._first_loss
        self._losses.append(loss)
        self._gradients.append(gradient)
        vocabulary = self._vocabulary
        # Guessing among all tokens alike costs log(vocabulary) a token: a fifth more is worse than knowing nothing.
        limit = max(1.2 * math.log(vocabulary), 1.5 * self._first_loss)
        if not math.isfinite(loss):
            why = f"the training loss became {loss}"
        elif not math.isfinite(gradient):
            why = f"the gradient became {gradient}"
        elif len(self._losses) == WATCHED and sum(self._losses) / WATCHED > limit:
            why = f"the training loss rose to {loss:.1f}: guessing at random among {vocabulary:,} tokens costs less"
        elif len(self._gradients) == WATCHED and not any(self._gradients):
            why = f"the gradient has been 0 for {WATCHED} steps, so nothing is learnt any more"
        else:
            return
        rows = [
            ids[seen.bool()].tolist()
            for batch in self._batches
            for ids, seen in zip(batch["input_ids"], batch["attention_mask"], strict=True)
        ]
        raise DivergedError(self.state.global_step, why, rows)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        own: Any = self.train_dataset  # what is handed over here has lost the columns that the model does not take
        return StepOrder(own["length"], self._rows_a_step, self.args.seed)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """As Trainer's; then the checkpoint is sealed, and old ones are removed.

        Raises:
            UserError: there is no room for it on the disk. The checkpoints before it are kept.
        """
        kept = Path(str(self.args.output_dir))
        folder = kept / f"{checkpoints.PREFIX}{self.state.global_step}"
        before = [each for each in checkpoints.folders(kept) if each != folder]
        needed = checkpoints.size(before[-1]) if before else 0
        try:
            if self.args.should_save and checkpoints.free_bytes(kept.parent) < needed:
                raise OSError(f"it needs {memory(needed)}, and there is less on the disk")
            super()._save_checkpoint(model, trial)
            if self.args.should_save:
                checkpoints.seal(folder)
        except (OSError, RuntimeError, SafetensorError) as error:  # what Python, torch and safetensors raise there
            shutil.rmtree(folder, ignore_errors=True)
            where = f"from step {checkpoints.step(before[-1])}" if before else "from its beginning"
            raise UserError(
                f"the checkpoint of step {self.state.global_step}",
                f"it could not be written to {kept}: {error}.",
                f"Free disk space, then resume the run: it goes on {where}.",
            ) from error
        if self.args.should_save:
            checkpoints.prune(kept, Path(self.state.best_model_checkpoint or "").name)

    def _cpu_loss(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any) -> torch.Tensor:
        causal = model.get_base_model()
        labels = inputs["labels"][:, 1:]
        mask = labels != IGNORED
        targets = labels[mask]
        smoothing = self.args.label_smoothing_factor if model.training else 0.0
        asked = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"], "use_cache": False}
        if self._head_alone:
            hidden = causal.base_model(**asked).last_hidden_state[:, :-1][mask]
            loss, hits = response_loss(hidden, targets, causal.get_output_embeddings(), smoothing)
        else:
            logits = causal(**asked).logits[:, :-1][mask].float()
            loss = cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
            hits = (logits.argmax(-1) == targets).sum()
        mode = "train" if model.training else "eval"
        self._metrics[mode]["mean_token_accuracy"].append(int(hits) / max(1, len(targets)))
        if model.training:
            self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
        return loss / (num_items_in_batch if num_items_in_batch is not None else max(1, len(targets)))

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """No card beside a checkpoint: TRL's would need the Hub's idea of the base model."""
