"""The model that stock TRL trains on, as https://huggingface.co/docs/trl/peft_integration shows QLoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def stock_model(folder: str | Path) -> tuple[Any, Any]:
    """The model in `folder` in NF4 with double quantisation and bf16 compute, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )
    model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=quantisation, dtype=torch.bfloat16)
    return model, AutoTokenizer.from_pretrained(folder)
