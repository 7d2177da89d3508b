"""What the backward pass computes again instead of keeping it: less memory, for some time."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

NARROW = 64  # a matrix product over so few columns, as LoRA's, is as cheap to do again as it is dear to keep
_ATEN = torch.ops.aten
_PRODUCTS = frozenset({_ATEN.mm.default, _ATEN.addmm.default, _ATEN.bmm.default})
_ATTENTION = frozenset(
    {
        _ATEN._scaled_dot_product_flash_attention_for_cpu.default,
        _ATEN._scaled_dot_product_flash_attention.default,
        _ATEN._scaled_dot_product_efficient_attention.default,
        _ATEN._scaled_dot_product_cudnn_attention.default,
    }
)
_IN_4_BIT = "bitsandbytes::gemm_4bit"  # the product with a 4-bit weight, with what makes it one of 16 bits again
# Of the flash attention packages, which register theirs when they are imported, each in a namespace of its own.
_FLASH = frozenset({"_flash_attn_forward", "_flash_attn_varlen_forward"})


def checkpointing_options(mode: str) -> dict[str, Any]:
    """What the trainer's `gradient_checkpointing_kwargs` take for "light" or "full".

    full: of each layer only its input is kept, and all of it is computed again. light: what matrix products and
    attention made is kept too, and only what is cheap (norms, activations, casts) is computed again: torch's selective
    activation checkpointing.
    """
    options: dict[str, Any] = {"use_reentrant": False}
    if mode == "light":
        options["context_fn"] = functools.partial(create_selective_checkpoint_contexts, _policy)
    return options


class NoInputGradients(TrainerCallback):
    """Undoes what the trainer does where it recomputes: gradients of the embeddings, which nothing learns from.

    Only torch's older, reentrant way of recomputing needs them. They would send the backward pass through all layers,
    also where only the last ones are trained.
    """

    def on_init_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:  # TRL has asked for them, and transformers does once more when training begins
        given["model"].get_base_model().disable_input_require_grads()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        given["model"].get_base_model().disable_input_require_grads()


def _policy(_: Any, operation: Any, *args: Any, **__: Any) -> CheckpointPolicy:
    if operation.name() == _IN_4_BIT:
        return CheckpointPolicy.MUST_SAVE
    if operation in _PRODUCTS:
        left, right = args[-2:]
        wide = min(left.shape[-1], right.shape[-1]) > NARROW
        return CheckpointPolicy.MUST_SAVE if wide else CheckpointPolicy.PREFER_RECOMPUTE
    attention = operation in _ATTENTION or operation.name().rpartition("::")[2] in _FLASH
    return CheckpointPolicy.MUST_SAVE if attention else CheckpointPolicy.PREFER_RECOMPUTE
