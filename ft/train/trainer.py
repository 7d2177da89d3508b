"""The trainer: TRL's, with a validation loss that is exact, and a loss that is cheap on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from trl import SFTTrainer

from ft.train.data import IGNORED


class ResponseTrainer(SFTTrainer):
    """SFTTrainer whose validation loss is the mean over all trained tokens (Trainer's is the mean of the batches'
    means) and which, on a CPU, computes logits for trained tokens alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._validation = {"nll": 0.0, "hits": 0.0, "tokens": 0}

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

    def _cpu_loss(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any) -> torch.Tensor:
        causal = model.get_base_model()
        labels = inputs["labels"][:, 1:]
        mask = labels != IGNORED
        hidden = causal.base_model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
        ).last_hidden_state
        logits = causal.get_output_embeddings()(hidden[:, :-1][mask]).float()
        targets = labels[mask]
        count = num_items_in_batch if num_items_in_batch is not None else mask.sum().clamp(min=1)
        smoothing = self.args.label_smoothing_factor if model.training else 0.0
        loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing) / count
        mode = "train" if model.training else "eval"
        hits = (logits.detach().argmax(-1) == targets).float().mean().item() if targets.numel() else 0.0
        self._metrics[mode]["mean_token_accuracy"].append(hits)
        if model.training:
            self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
        return loss

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """No card beside a checkpoint: TRL's would need the Hub's idea of the base model."""
