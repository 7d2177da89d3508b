"""A model of a real model's shape with random weights, as a folder that loads like any other. Nothing is downloaded."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, Qwen3Config

from ft.models.load import load_tokenizer

_LLAMA: dict[str, Any] = {"vocab_size": 128_256, "num_key_value_heads": 8, "tie_word_embeddings": False}
_LONG: dict[str, Any] = {
    "max_position_embeddings": 131_072,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
}
SHAPES: dict[str, dict[str, Any]] = {
    # Small enough for a CPU; the vocabulary is that of the tokenizer.
    "tiny": {
        "vocab_size": 49_152,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    # Llama 3.2 1B, 3.1 8B and 70B.
    "1b": {
        **_LLAMA,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "tie_word_embeddings": True,
    },
    "8b": {
        **_LLAMA,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
    # Qwen3 14B.
    "14b": {
        "family": "qwen3",
        "vocab_size": 151_936,
        "hidden_size": 5120,
        "intermediate_size": 17_408,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": False,
    },
    "70b": {
        **_LLAMA,
        "hidden_size": 8192,
        "intermediate_size": 28_672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
    },
}


def config(shape: str) -> PreTrainedConfig:
    """transformers' config of the shape, as a model's config.json has it."""
    sizes = dict(SHAPES[shape])
    kind = Qwen3Config if sizes.pop("family", "llama") == "qwen3" else LlamaConfig
    return kind(**sizes, **_LONG, dtype="bfloat16", architectures=[kind.__name__.replace("Config", "ForCausalLM")])


def skeleton(shape: str) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the weights as a checkpoint has them, without any memory for the weights."""
    wanted = config(shape)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(wanted)
    left_out = {"lm_head.weight"} if wanted.tie_word_embeddings else set()
    return {name: tuple(weight.shape) for name, weight in model.named_parameters() if name not in left_out}


def size_bytes(shape: str) -> int:
    """What the weights take on a disk, in bf16."""
    return 2 * sum(math.prod(each) for each in skeleton(shape).values())


def write(folder: Path, shape: str, tokenizer: str, hollow: bool = False) -> None:
    """Write the model into `folder`, a file a layer, so that no more than one layer is ever in memory.

    Weights are as small as a model's are at its start (0.02), and norms are 1. A `hollow` model's files are holes: they
    take no room on the disk and read as zeros, which is all that loading it needs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shapes = skeleton(shape)
    place = "cuda" if torch.cuda.is_available() else "cpu"
    files = {}
    for number, names in enumerate(_layers(list(shapes))):
        file = f"model-{number:05d}.safetensors"
        if hollow:
            _hole(folder / file, {name: shapes[name] for name in names})
        else:
            save_file({name: _random(name, shapes[name], place) for name in names}, folder / file, {"format": "pt"})
        files.update(dict.fromkeys(names, file))
    index = {"metadata": {"total_size": size_bytes(shape)}, "weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    load_tokenizer(tokenizer).save_pretrained(folder)
    config(shape).save_pretrained(folder)  # last: with it, the model is whole


def require_room(folder: Path, shape: str) -> None:
    """End with words where the disk of `folder`, which is there, has no room for the shape's weights."""
    needed, free = size_bytes(shape), shutil.disk_usage(folder).free
    if free < 1.02 * needed:
        raise SystemExit(
            f"The weights of {shape} need {needed / 1e9:.0f} GB in {folder}, and {free / 1e9:.0f} GB are free there: "
            "give --weights a folder on another disk, or use --load-only, which needs no room."
        )


def _layers(names: list[str]) -> Iterator[list[str]]:
    """`names` in their order, those of a layer together, and each other one alone."""
    group: list[str] = []
    for name in names:
        if group and _layer(name) != _layer(group[0]):
            yield group
            group = []
        group.append(name)
    yield group


def _layer(name: str) -> str:
    return ".".join(name.split(".")[:3]) if ".layers." in name else name


def _random(name: str, shape: tuple[int, ...], place: str) -> torch.Tensor:
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.bfloat16)
    return torch.empty(shape, dtype=torch.bfloat16, device=place).normal_(std=0.02).cpu()


def _hole(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file of bf16 zeros that are never written: its header's length, the header, and a hole for data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
