"""How much arithmetic training a token takes, and how much a GPU can do: what MFU is made of.

MFU (model FLOPs utilisation) is after Chowdhery et al. 2022, PaLM, arXiv 2204.02311, appendix B: the FLOPs that the
model itself asks for, over what the device could have done meanwhile. What is computed again for checkpointing, and
turning 4-bit weights into bf16, is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

# FLOP/s in dense bf16, summed in fp32, without sparsity, by NVIDIA's data sheets; the first that the GPU's name has.
PEAKS = (
    ("H100 PCIe", 756e12),
    ("H100 NVL", 835e12),
    ("H100", 989e12),
    ("H200 NVL", 836e12),
    ("H200", 989e12),
    ("B200", 2250e12),
    ("A100", 312e12),
    ("L40S", 362e12),
    ("L40", 181e12),
    ("L4", 121e12),
    ("RTX 6000 Ada", 364e12),
    ("RTX A6000", 155e12),
    ("RTX 5090", 209.5e12),
    ("RTX 4090 D", 147e12),
    ("RTX 4090", 165e12),
    ("RTX 3090 Ti", 80e12),
    ("RTX 3090", 71e12),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many weights are multiplied with: in the blocks, in the head, in the adapter. `width`: heads x head size."""

    blocks: int
    head: int
    adapter: int
    layers: int
    width: int


def size_of(weights: Mapping[str, tuple[int, ...]], layers: int, width: int, rank: int) -> Size:
    """The size of a decoder with `weights`, as a checkpoint names them, and an adapter on all its linear layers."""
    blocks = [shape for name, shape in weights.items() if ".layers." in name and len(shape) == 2]
    return Size(
        blocks=sum(prod(shape) for shape in blocks),
        head=prod(weights["model.embed_tokens.weight"]),  # the head is as large, or the same
        adapter=rank * sum(sum(shape) for shape in blocks),
        layers=layers,
        width=width,
    )


def training_flops(size: Size, rows: Iterable[tuple[int, int]], per_weight: int = 4) -> float:
    """FLOPs of forward and backward over `rows` of (tokens, trained tokens).

    A weight costs 2 forward and 2 for the gradient of what went into it. 2 more, for its own gradient, are asked for
    where it is trained, so under LoRA a frozen weight costs 4 and one of the adapter 6; the usual 6N counts 6 for all
    (`per_weight`). The head is counted for trained tokens alone: no loss asks for other logits. The embeddings are
    looked up and cost nothing. Attention has no weights: to the tokens before it, half of the row on average, a token
    costs 2 x width x tokens a layer forward and twice that backward (appendix B's 12LHQT, halved as it is causal).
    """
    found = 0.0
    for tokens, trained in rows:
        found += per_weight * (size.blocks * tokens + size.head * trained) + 6 * size.adapter * tokens
        found += 6 * size.layers * size.width * tokens**2
    return found


def peak_flops(gpu: str) -> float | None:
    """What the GPU of that name can do; None where it is not known: a part of one (MIG) or a laptop's does less."""
    words = gpu.replace("-", " ").split()
    if "MIG" in words or "Laptop" in words:
        return None
    return next((peak for name, peak in PEAKS if all(_is_there(part, words) for part in name.split())), None)


def _is_there(part: str, words: list[str]) -> bool:
    return part in words or f"G{part}" in words  # an H200 beside a Grace is a GH200
