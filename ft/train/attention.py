"""The attention that training uses on a GPU: a flash attention package's, where one is installed and runs there."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

PACKAGES = {"flash_attention_3": "flash_attn_interface", "flash_attention_2": "flash_attn"}  # the faster one first
WIDEST_HEAD = 256  # values of a head that both packages have kernels for


def choose(
    usable: Collection[str], *, supported: bool, compatible: Collection[str] | None, head_width: int
) -> str | None:
    """transformers' name of the flash attention to use, of the `usable` ones; None where the model keeps what it has.

    `supported`: the model's family has flash attention at all; `compatible`: the ones that its authors name, where they
    do (gpt-oss has sinks that only some kernels know).
    """
    if not supported or head_width > WIDEST_HEAD:
        return None
    return next((name for name in PACKAGES if name in usable and (not compatible or name in compatible)), None)


def use_flash_attention(model: PreTrainedModel) -> str:
    """Let `model`, in place, use the best attention for training; gives transformers' name of it ("sdpa" mostly).

    For training alone: there it leaves out the padding of a batch. A chat runs one reply at a time, and its base has to
    give the same logits to the bit whatever is installed.
    """
    config: Any = model.config.get_text_config()
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    supported = torch.cuda.is_available() and model.dtype in (torch.bfloat16, torch.float16)
    name = choose(
        _usable() if supported else (),
        supported=supported and model._supports_flash_attn,
        compatible=getattr(model, "_compatible_flash_implementations", None),
        head_width=width,
    )
    if name is not None:
        model.set_attn_implementation(name)
    return str(model.config._attn_implementation)


def _usable() -> list[str]:
    there = {"flash_attention_3": is_flash_attn_3_available, "flash_attention_2": is_flash_attn_2_available}
    return [name for name, package in PACKAGES.items() if there[name]() and _runs(package)]


def _runs(package: str) -> bool:
    """Whether `package` computes attention and its gradient on this GPU.

    Tried on a few numbers: a package that was built for another torch or another GPU is installed and does not run.
    """
    try:
        attention = importlib.import_module(package).flash_attn_func
        query, key, value = (
            torch.randn(1, 16, 2, 64, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(3)
        )
        out = attention(query, key, value, causal=True)
        (out[0] if isinstance(out, tuple) else out).float().sum().backward()
    except (ImportError, OSError, AttributeError, RuntimeError):
        return False
    return True
