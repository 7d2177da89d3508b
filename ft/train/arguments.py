"""From a TrainConfig to the trainer's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from trl import SFTConfig

from ft.config import TrainConfig, checkpointing_on
from ft.train.batch import Batch
from ft.train.recompute import checkpointing_options


class Arguments(SFTConfig):
    """The trainer's settings, which trackers write down as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """As the trainer has it; what recomputes is named by its mode."""
        found = super().to_dict()
        for name in ("activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"):
            if "context_fn" in (found.get(name) or ()):
                found[name] = {**found[name], "context_fn": "light"}
        return found


def training_arguments(
    config: TrainConfig,
    batch: Batch,
    checkpoints: Path,
    *,
    steps: int,
    eval_steps: int,
    has_validation: bool,
    validate_first: bool,
    mixed: str,
) -> SFTConfig:
    """The trainer's settings; `mixed` is the dtype of the base's products, and LoRA is float32 always. NEFTune is that
    of Jain et al. 2023 (arXiv 2310.05914).

    On CUDA: paged 8-bit AdamW and gradient checkpointing.
    """
    cuda = torch.cuda.is_available()
    recomputed = checkpointing_on("cuda" if cuda else "cpu", config.checkpointing)
    save_steps = config.save_steps or eval_steps
    if has_validation:  # the best checkpoint can only be kept if there is one at each validation
        save_steps = max(eval_steps, save_steps // eval_steps * eval_steps)
    return Arguments(
        output_dir=str(checkpoints),
        router_aux_loss_coef=0.0,  # the loss is that of the replies alone; a router that is frozen needs no balance
        max_length=None,  # data.py has cut at turn boundaries already; TRL would cut in the middle of a reply
        max_steps=steps,
        per_device_train_batch_size=batch.size,
        per_device_eval_batch_size=batch.size,
        gradient_accumulation_steps=batch.accumulation,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant_with_warmup" if config.schedule == "constant" else config.schedule,
        warmup_steps=round(steps * config.warmup_ratio),
        weight_decay=config.weight_decay,
        adam_beta2=config.adam_beta2,
        max_grad_norm=config.max_grad_norm,
        neftune_noise_alpha=config.neftune_noise_alpha or None,
        optim="paged_adamw_8bit" if cuda else "adamw_torch",
        bf16=mixed == "bfloat16",
        fp16=mixed == "float16",
        use_cpu=not cuda,
        gradient_checkpointing=recomputed != "off",
        gradient_checkpointing_kwargs=checkpointing_options(recomputed),
        eval_strategy="steps" if has_validation else "no",
        eval_steps=eval_steps,
        # Not before train(): accelerate takes a model that was validated for one that needs no wrapping, and then each
        # of several processes would learn alone.
        eval_on_start=has_validation and validate_first,
        save_strategy="steps",
        save_steps=save_steps,
        restore_callback_states_from_checkpoint=True,  # else the patience of early stopping begins anew
        load_best_model_at_end=has_validation,
        metric_for_best_model="eval_loss" if has_validation else None,
        greater_is_better=False if has_validation else None,
        prediction_loss_only=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        dataloader_pin_memory=cuda,
        ddp_broadcast_buffers=False,  # none of them changes
        ddp_find_unused_parameters=False,  # every weight that is trained is in every batch
        disable_tqdm=True,
        report_to=config.tracker,
        run_name=checkpoints.parent.name,
        project="sidetune",
        trackio_static_space_id=False,  # else Trackio would put the run's figures on the Hub
        seed=config.seed,
        data_seed=config.seed,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
