"""What the config.json of some models says of their size, for tests on recipes."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.numpy import save

from ft.models import facts
from ft.models.facts import ModelFacts

LLAMA_7B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}
LLAMA_65B = {
    **LLAMA_7B,
    "hidden_size": 8192,
    "intermediate_size": 22016,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
}
LLAMA_13B = {
    **LLAMA_7B,
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "num_hidden_layers": 40,
    "num_attention_heads": 40,
}
LLAMA_33B = {
    **LLAMA_7B,
    "hidden_size": 6656,
    "intermediate_size": 17920,
    "num_hidden_layers": 60,
    "num_attention_heads": 52,
}
QWEN3_8B = {
    "model_type": "qwen3",
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "tie_word_embeddings": False,
}


def known(config: dict) -> ModelFacts:
    found = facts.from_config(config)
    assert found is not None
    return found


def model_folder(parent: Path, config: dict) -> Path:
    """A model's folder as far as its size goes: without weights, and with a tokenizer of nothing."""
    path = parent / "model"
    path.mkdir()
    (path / "config.json").write_text(json.dumps({**config, "architectures": ["LlamaForCausalLM"]}))
    (path / "tokenizer_config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(save({}))
    return path
