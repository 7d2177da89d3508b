"""Liger's kernels for the layers of a model, in training on a GPU, where the package liger-kernel is installed."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.integrations import apply_liger_kernel
from transformers.utils import is_liger_kernel_available

from ft.errors import UserError

DIFFERENCE = 0.1  # of the logits, by their norm: above what rounding to bf16 makes of a deep model


def layer_options(activation: str, bias: bool = False) -> dict[str, bool]:
    """What Liger is told: its norms, rotary embeddings and feed-forward layers, and not its losses (ft/train/loss.py).

    Liger puts its feed-forward layer in whatever the model's `activation` is, and where the model is loaded again in
    the same process, as after memory ran out, without the `bias` that it may have.
    """
    return {
        "cross_entropy": False,
        "fused_linear_cross_entropy": False,
        "swiglu": activation in ("silu", "swish") and not bias,
        "geglu": activation == "gelu_pytorch_tanh" and not bias,
    }


def use_layer_kernels(model: PreTrainedModel) -> None:
    """Let the layers of `model`, in place, compute with Liger's kernels (Hsu et al. 2024, arXiv 2410.10989).

    It stays as it is on a CPU, without the package, and where Liger does not know its family. Liger changes the code of
    the family for the whole process, so this is for one that trains.

    Raises:
        UserError: the model computes something else with them.
    """
    if not (torch.cuda.is_available() and is_liger_kernel_available()):
        return
    config: Any = model.config.get_text_config()
    before = _logits(model)
    activation = getattr(config, "hidden_act", None) or getattr(config, "hidden_activation", None) or ""
    apply_liger_kernel(model, layer_options(activation, bool(getattr(config, "mlp_bias", False))))
    require_same(before, _logits(model))


def require_same(before: torch.Tensor, after: torch.Tensor) -> None:
    """Raise UserError where the logits `after` are another model's than those `before`, both of the same shape."""
    difference = float((after - before).norm() / before.norm())
    if not difference <= DIFFERENCE:  # also where it is not a number
        raise UserError(
            "the package liger-kernel",
            f"with its kernels this model gives logits that differ by {difference:.0%}.",
            "Remove it (pip uninstall liger-kernel), or install another version, and start again.",
        )


@torch.no_grad()
def _logits(model: PreTrainedModel) -> torch.Tensor:
    ids = torch.arange(1, 33, device=model.device).reshape(2, 16)
    found: torch.Tensor = model(input_ids=ids, use_cache=False).logits.float()
    return found
