"""The trainer of a run, put together: base model, adapter, data, arguments."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from peft import PeftModel, get_peft_model
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback

from ft.config import TrainConfig
from ft.models import device
from ft.models.load import Loaded
from ft.train.adapter import lora_config
from ft.train.arguments import training_arguments
from ft.train.attention import use_flash_attention
from ft.train.batch import Batch
from ft.train.layer_kernels import use_layer_kernels
from ft.train.recompute import NoInputGradients
from ft.train.trainer import Reporter, ResponseTrainer

if TYPE_CHECKING:
    import datasets


def training_dtype() -> torch.dtype:
    """On a GPU bfloat16 where it has it, else float16; on a CPU what a short measurement says."""
    return device.gpu_dtype() if torch.cuda.is_available() else device.fast_cpu_dtype()


def put_adapter(loaded: Loaded, config: TrainConfig) -> PeftModel:
    """The model with a new adapter on it, which alone is trained. `loaded.model` is changed in place: on a GPU it also
    gets the kernels that are installed there.

    Raises:
        UserError: the model has fewer layers than are to be trained, or does not work with a kernel.
    """
    use_flash_attention(loaded.model)
    use_layer_kernels(loaded.model)
    for parameter in loaded.model.parameters():
        parameter.requires_grad_(False)
    model = get_peft_model(loaded.model, lora_config(config, loaded.model))
    assert isinstance(model, PeftModel)
    # Else PEFT asks the Hub at every checkpoint whether the base has other embeddings there. None are changed here.
    model.save_pretrained = partial(model.save_pretrained, save_embedding_layers=False)  # type: ignore[method-assign]
    return model


def trainer_for(
    model: PeftModel,
    loaded: Loaded,
    config: TrainConfig,
    batch: Batch,
    folder: Path,
    training: datasets.Dataset,
    validation: datasets.Dataset | None,
    *,
    steps: int,
    eval_steps: int,
    validate_first: bool,
    callbacks: Sequence[TrainerCallback],
    reporter: Reporter | None = None,
) -> ResponseTrainer:
    """A trainer that takes `steps` steps over `training`, validates every `eval_steps` (and before the first one where
    asked), and saves into `folder`."""
    trainer = ResponseTrainer(
        model=model,
        args=training_arguments(
            config,
            batch,
            folder,
            steps=steps,
            eval_steps=eval_steps,
            has_validation=validation is not None,
            validate_first=validate_first,
            mixed=loaded.precision.rpartition(" ")[2],
        ),
        train_dataset=training,
        eval_dataset=validation,
        processing_class=loaded.tokenizer,
        callbacks=[NoInputGradients(), *callbacks],
        rows_a_step=batch.rows_a_step,
        label_smoothing=config.label_smoothing,
        reporter=reporter,
    )
    trainer.remove_callback(PrinterCallback)
    if validation is not None and config.early_stopping_patience:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=config.early_stopping_patience))
    return trainer
