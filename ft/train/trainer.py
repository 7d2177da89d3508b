"""From a TrainConfig to a TRL SFTTrainer: arguments, adapter and loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import PreTrainedModel
from trl import SFTConfig, SFTTrainer

from ft.config import TrainConfig
from ft.errors import UserError
from ft.train.data import IGNORED


def lora_config(config: TrainConfig, model: PreTrainedModel) -> LoraConfig:
    """LoRA on all linear layers but the head (QLoRA, arXiv 2305.14314), or on those of the last `trained_layers`.

    Raises:
        UserError: more layers were asked for than the model has.
    """
    layers: list[int] | None = None
    targets: str | list[str] = "all-linear"
    if config.trained_layers != "all":
        count = model.config.get_text_config().num_hidden_layers
        if not 1 <= config.trained_layers <= count:
            raise UserError(
                f"trained_layers = {config.trained_layers}",
                f"this model has {count} layers.",
                f"Use a number from 1 to {count}, or all.",
            )
        layers = list(range(count - config.trained_layers, count))
        targets = _linear_names(model)  # PEFT takes layer numbers only together with names
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=targets,
        layers_to_transform=layers,
        bias="none",
        task_type="CAUSAL_LM",
    )


def _linear_names(model: PreTrainedModel) -> list[str]:
    """The names that the model's linear layers have within a block, without the head."""
    head = model.get_output_embeddings()
    linear = (name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and layer is not head)
    return sorted({name.rpartition(".")[2] for name in linear})


def training_arguments(
    config: TrainConfig, checkpoints: Path, *, steps: int, eval_steps: int, has_validation: bool, bf16: bool
) -> SFTConfig:
    """The trainer's settings. Clipping at 0.3 and Adam's beta2 of 0.999 are the QLoRA paper's.

    Batches hold conversations of about the same length. On CUDA: paged 8-bit AdamW and gradient checkpointing.
    """
    cuda = torch.cuda.is_available()
    save_steps = config.save_steps or eval_steps
    if has_validation:  # the best checkpoint can only be kept if there is one at each validation
        save_steps = max(eval_steps, save_steps // eval_steps * eval_steps)
    return SFTConfig(
        output_dir=str(checkpoints),
        max_length=None,  # data.py has cut at turn boundaries already; TRL would cut in the middle of a reply
        max_steps=steps,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup" if config.schedule == "constant" else config.schedule,
        warmup_steps=round(steps * config.warmup_ratio),
        weight_decay=config.weight_decay,
        max_grad_norm=0.3,
        optim="paged_adamw_8bit" if cuda else "adamw_torch",
        bf16=bf16,
        use_cpu=not cuda,
        gradient_checkpointing=cuda,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        eval_strategy="steps" if has_validation else "no",
        eval_steps=eval_steps,
        save_strategy="steps",
        save_steps=save_steps,
        save_total_limit=2,
        load_best_model_at_end=has_validation,
        metric_for_best_model="eval_loss" if has_validation else None,
        greater_is_better=False if has_validation else None,
        prediction_loss_only=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        dataloader_pin_memory=cuda,
        disable_tqdm=True,
        report_to="none",
        seed=config.seed,
        data_seed=config.seed,
        dataset_kwargs={"skip_prepare_dataset": True},
    )


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
            loss = super().compute_loss(model, inputs, False, num_items_in_batch)
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
        loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum") / count
        mode = "train" if model.training else "eval"
        hits = (logits.detach().argmax(-1) == targets).float().mean().item() if targets.numel() else 0.0
        self._metrics[mode]["mean_token_accuracy"].append(hits)
        if model.training:
            self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
        return loss

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """No card beside a checkpoint: TRL's would need the Hub's idea of the base model."""
