"""The trainer: TRL's, with a loss that is cheap, an exact validation loss, an order of the data that does not change
when a run is resumed, and checkpoints that are known to be whole."""

from __future__ import annotations

import errno
import math
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from safetensors import SafetensorError
from torch.utils.data import Sampler
from trl import SFTTrainer

from ft.errors import UserError
from ft.figures import memory
from ft.files import is_of_torch_save, remedy
from ft.runs import checkpoints
from ft.train.collate import collate, keeps_rows_apart, rows_of, sees_no_padding
from ft.train.data import with_blanks
from ft.train.loss import compute_loss_inside
from ft.train.optimizer import forget_paging
from ft.train.order import StepOrder, TellEpoch
from ft.train.told import StoppedEarlyError

WATCHED = 5  # steps over which a loss that is worse than guessing, or no gradient at all, is no accident
HALVINGS = 16  # of the factor on the loss in float16, 65,536 at first: where gradients overflow, the step is left out


class DivergedError(Exception):
    """Training went wrong at `step`; `rows` are the tokens of each conversation of its batch."""

    def __init__(self, step: int, why: str, rows: list[list[int]]) -> None:
        super().__init__(f"step {step}: {why}")
        self.step, self.why, self.rows = step, why, rows


class Reporter(Protocol):
    """Whom the trainer tells that a batch of a validation begins (1 is the first), and asks whether it is to stop."""

    def validating(self, batch: int, batches: int) -> None: ...

    def heed(self, device: torch.device) -> bool: ...


class _ValidationStopped(Exception):
    """Somebody asked the run to stop in the middle of a validation."""


class ResponseTrainer(SFTTrainer):
    """SFTTrainer whose loss costs logits for trained tokens alone, and whose validation loss is the mean over all of
    them (Trainer's is the mean of the batches' means). `rows_a_step`: conversations in one step."""

    def __init__(
        self,
        *args: Any,
        rows_a_step: int,
        label_smoothing: float = 0.0,
        reporter: Reporter | None = None,
        **kwargs: Any,
    ) -> None:
        causal: Any = kwargs["model"].get_base_model().eval()  # what is tried below is tried without dropout
        # NEFTune's noise goes by the length of a row, which is the whole batch's where it is flat.
        flash = causal.config._attn_implementation.startswith("flash_attention")
        flat = flash and not kwargs["args"].neftune_noise_alpha and keeps_rows_apart(causal)
        # A mask keeps SDPA from its fastest kernels.
        self._unseen = {"tokens", "attention_mask"} if flat or sees_no_padding(causal) else {"tokens"}
        kwargs["data_collator"] = partial(collate, pad=kwargs["processing_class"].pad_token_id, flat=flat)
        processes = PartialState().num_processes
        # A batch of each process at once; one process takes a smaller last batch.
        together = kwargs["args"].per_device_train_batch_size * processes if processes > 1 else 1
        order = StepOrder(kwargs["train_dataset"]["length"], rows_a_step, kwargs["args"].seed, together)
        kwargs["train_dataset"] = with_blanks(kwargs["train_dataset"], int(processes > 1))
        if kwargs.get("eval_dataset") is not None:
            blanks = -len(kwargs["eval_dataset"]) % together
            kwargs["eval_dataset"] = with_blanks(kwargs["eval_dataset"], blanks)
        learnt = {name: each.data for name, each in kwargs["model"].named_parameters() if each.requires_grad}
        super().__init__(*args, **kwargs)
        # `compute_loss` divides by a step's tokens whatever the model's class says of its own loss. Else Trainer would
        # not count them for some (Gemma 3n and 4), and the batches of a step would weigh the same, however short.
        self.model_accepts_loss_kwargs = True
        # TRL has rounded them to bfloat16 on a 4-bit base: late in a run its steps are larger than the updates.
        for name, each in kwargs["model"].named_parameters():
            if name in learnt:
                each.data = learnt[name]
        self.add_callback(TellEpoch(order))
        self._order, self._label_smoothing, self._reporter = order, label_smoothing, reporter
        self._batch, self._batches_ahead = 0, 0  # of the validation that goes on
        # Since the last log: the loss and the hits, on the device; tokens that are not padding; trained ones.
        self._sums, self._tokens, self._trained = torch.zeros(2, dtype=torch.float64, device=self.args.device), 0, 0
        self._seen = 0  # tokens that are not padding, of all training steps
        self._batches: list[dict[str, Any]] = []  # of the step that is being taken
        self._first_loss: float | None = None
        self._overflows = 0  # steps in a row whose gradient was no number
        self._losses: deque[float] = deque(maxlen=WATCHED)
        self._gradients: deque[float] = deque(maxlen=WATCHED)
        self._vocabulary = causal.config.get_text_config().vocab_size
        compute_loss_inside(causal)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean negative log-likelihood per trained token, a scalar tensor; over `num_items_in_batch` where given.

        Nothing here waits for a GPU: what is counted stays there until the step is logged.
        """
        smoothing = self._label_smoothing if model.training else 0.0
        given = {name: each for name, each in inputs.items() if name not in self._unseen}
        found = model(**given, label_smoothing=smoothing, use_cache=False)
        sums = torch.stack([found["loss"].detach().double(), found["hits"].double()])
        self._sums += sums
        trained = len(inputs["targets"])
        self._trained += trained
        self._tokens += inputs["tokens"]
        if num_items_in_batch is None:
            loss = found["loss"] / max(1, trained)
        else:  # the trained tokens of all processes, over which gradients are averaged
            loss = found["loss"] / num_items_in_batch * self.accelerator.num_processes
        return (loss, {}) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As SFTTrainer's, with the exact validation figures in place of the means over batches."""
        mine = torch.cat([self._sums, self._sums.new_tensor([self._tokens, self._trained])])
        loss, hits, tokens, trained = self.accelerator.reduce(mine, "sum").tolist()
        self._sums, self._tokens, self._trained = torch.zeros_like(self._sums), 0, 0
        if "eval_loss" in logs and trained:
            logs["eval_loss"], logs["eval_mean_token_accuracy"] = loss / trained, hits / trained
        elif "loss" in logs and trained:
            self._seen += int(tokens)
            logs["num_tokens"], logs["mean_token_accuracy"] = self._seen, hits / trained
        super().log(logs, start_time)
        if "loss" in logs:
            self._require_sane(float(logs["loss"]), float(logs.get("grad_norm", 0.0)))

    def evaluation_loop(self, dataloader: Any, *args: Any, **kwargs: Any) -> Any:
        """As Trainer's; each batch is told to the reporter."""
        self._batch, self._batches_ahead = 0, len(dataloader)
        return super().evaluation_loop(dataloader, *args, **kwargs)

    def prediction_step(self, *args: Any, **kwargs: Any) -> Any:
        """As Trainer's; asks the reporter first whether to go on."""
        if self._reporter is not None:
            if self._reporter.heed(self.args.device):
                raise _ValidationStopped
            self._batch += 1
            self._reporter.validating(self._batch, self._batches_ahead)
        return super().prediction_step(*args, **kwargs)

    def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> dict[str, float]:
        """As Trainer's. Where the run is to stop it gives no figures, and training ends after a checkpoint; then the
        run that goes on from it begins with this validation (`skip_scheduler`: it comes before any step).

        Raises:
            StoppedEarlyError: no step was taken yet, so there is nothing to save.
        """
        metrics: dict[str, float] = {}
        with suppress(_ValidationStopped):
            metrics = super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)
        if self._reporter is not None and self._reporter.heed(self.args.device):
            if skip_scheduler:
                raise StoppedEarlyError
            self.control.should_evaluate = False  # else the end of the epoch would ask for it again
            self.control.should_save = self.control.should_training_stop = True
        if skip_scheduler and self.state.global_step and self._determine_best_metric(metrics, trial):
            best = f"{checkpoints.PREFIX}{self.state.global_step}"
            self.state.best_model_checkpoint = str(Path(str(self.args.output_dir)) / best)
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        return bool(metrics) and super()._determine_best_metric(metrics, trial)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As Trainer's; but none is begun by a run that goes on with nothing left to do."""
        if self.control.should_training_stop or self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        super()._run_epoch(*args, **kwargs)

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
        self._overflows = 0 if math.isfinite(gradient) else self._overflows + 1
        vocabulary = self._vocabulary
        # Guessing among all tokens alike costs log(vocabulary) a token: a fifth more is worse than knowing nothing.
        limit = max(1.2 * math.log(vocabulary), 1.5 * self._first_loss)
        if not math.isfinite(loss):
            why = f"the training loss became {loss}"
        elif self._overflows > (HALVINGS if self.args.fp16 else 0):
            why = f"the gradient became {gradient}"
        elif len(self._losses) == WATCHED and sum(self._losses) / WATCHED > limit:
            why = f"the training loss rose to {loss:.1f}: guessing at random among {vocabulary:,} tokens costs less"
        elif len(self._gradients) == WATCHED and not any(self._gradients):
            why = f"the gradient has been 0 for {WATCHED} steps, so nothing is learnt any more"
        else:
            return
        rows = [row for batch in self._batches for row in rows_of(batch)]
        raise DivergedError(self.state.global_step, why, gather_object(rows))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and self.optimizer is not None:
            forget_paging(self.optimizer)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """As Trainer's; then the checkpoint is sealed, and old ones are removed.

        Raises:
            UserError: there is no room for it on the disk. The checkpoints before it are kept.
        """
        kept = Path(str(self.args.output_dir))
        folder = kept / f"{checkpoints.PREFIX}{self.state.global_step}"
        before = [each for each in checkpoints.folders(kept) if each != folder]
        needed = checkpoints.size(before[-1]) if before else 0
        with written(folder, before):
            if self.args.should_save and checkpoints.free_bytes(kept.parent) < needed:
                raise OSError(errno.ENOSPC, f"it needs {memory(needed)}, and there is less on the disk")
            super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()  # each process saves its random state
        if self.args.should_save:
            with written(folder, before):
                checkpoints.seal(folder)
            checkpoints.prune(kept, Path(self.state.best_model_checkpoint or "").name)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """No card beside a checkpoint: TRL's would need the Hub's idea of the base model."""


@contextmanager
def written(folder: Path, before: list[Path]) -> Iterator[None]:
    """What keeps the checkpoint in `folder` from being written, in words; `before`: those that are there already."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # what Python, torch and safetensors raise there
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, RuntimeError) and not is_of_torch_save(error):
            raise  # of the device, which has to be copied from: memory that ran out is gone on from
        where = f"from step {checkpoints.step(before[-1])}" if before else "from its beginning"
        raise UserError(
            f"the checkpoint of step {checkpoints.step(folder)}",
            f"it could not be written to {folder.parent}: {getattr(error, 'strerror', None) or error}.",
            f"{remedy(error)}, then resume the run: it goes on {where}.",
        ) from error
