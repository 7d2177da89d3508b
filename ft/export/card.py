"""The card of an adapter: what it is, what came of its training, how it is loaded, as the README beside its files.

The fields at the top are those of https://huggingface.co/docs/hub/model-cards.
"""

from __future__ import annotations

import json
from typing import Any

from ft.config import TrainConfig
from ft.export.base import Base
from ft.figures import count, loss, memory
from ft.markdown import plain_text, table
from ft.runs.directory import Run
from ft.runs.reader import Reader
from ft.runs.status import summary

_LOAD = """import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer{quantization_import}

adapter = "."  # the folder that these files are in
base = {base}{hint}

tokenizer = AutoTokenizer.from_pretrained(adapter)
{quantization}model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.{dtype}{quantization_argument})
model = PeftModel.from_pretrained(model, adapter)

messages = [{{"role": "user", "content": "Who are you?"}}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
reply = model.generate(**inputs.to(model.device), max_new_tokens=200)
print(tokenizer.decode(reply[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))"""
_QUANTIZATION = """quantized = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.{dtype},
)
"""


def card(run: Run, base: Base) -> str:
    """The card's text, from what the run has told.

    Raises:
        UserError: the run's settings or events cannot be read.
    """
    from huggingface_hub import ModelCardData

    config = run.config
    curves = Reader().read(run)
    figures = summary(run, curves)
    told: dict[str, dict[str, Any]] = {event["kind"]: event for event in curves.told}  # the newest of each kind
    data = ModelCardData(
        base_model=base.name if base.on_hub else None,
        library_name="peft",
        pipeline_tag="text-generation",
        tags=["sidetune", "lora", config.train.method],
    )
    named = f"`{base.name}`" if base.on_hub else f"**{plain_text(base.name)}**"
    way = "4-bit QLoRA" if config.train.method == "qlora" else "LoRA"
    parts = [
        f"# {plain_text(run.name)}",
        f"An adapter for the base model {named}, trained with Sidetune ({way}). {base.note}".strip(),
        "## Data",
        _data(config.dataset, config.version, told.get("data", {})),
        "## What came of it",
        table(("", ""), _figures(figures, told)),
        _ending(figures),
        "## How to load it",
        f"With the libraries peft and transformers{', and bitsandbytes' if config.train.method == 'qlora' else ''}:",
        f"```python\n{loading(config.train, base, str(told.get('started', {}).get('dtype', '')))}\n```",
        "## Settings",
        table(("setting", "value"), _settings(config.train, base)),
        _packages(run),
        f"Run `{run.id}`. The license of the base model holds for what is made with it.",
    ]
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def loading(config: TrainConfig, base: Base, precision: str) -> str:
    """Python that loads the adapter onto its base, in the `precision` ("nf4 in bfloat16") that it was trained in."""
    dtype = precision.rpartition(" ")[2]
    dtype = dtype if dtype in ("bfloat16", "float16", "float32") else "bfloat16"
    quantized = config.method == "qlora"
    return _LOAD.format(
        base=json.dumps(base.name, ensure_ascii=False),
        hint="" if base.on_hub else "  # the path of that folder",
        dtype=dtype,
        quantization=_QUANTIZATION.format(dtype=dtype) if quantized else "",
        quantization_import=", BitsAndBytesConfig" if quantized else "",
        quantization_argument=", quantization_config=quantized" if quantized else "",
    )


def _data(dataset: str, version: str, told: dict[str, Any]) -> str:
    counts = ""
    if "train" in told:
        counts = f": {count(told['train'], 'conversation')} to train on, {told.get('validation', 0):,} held out"
    return f"Dataset {plain_text(dataset)}, version {version}{counts}. Its texts are not in these files."


def _figures(figures: dict[str, Any], told: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    before, after, best = (figures[name] for name in ("validation_loss_before", "validation_loss_after", "best_step"))
    rows = [
        ("validation loss per token, before", loss(before) if before is not None else ""),
        ("validation loss per token, of this adapter", loss(after) if after is not None else ""),
        ("training loss at the last step", loss(figures["loss"]) if figures["loss"] is not None else ""),
        ("steps", f"{figures['step']:,} of {figures['steps']:,}" if figures["steps"] else ""),
        ("this adapter is of step", f"{best:,}" if best else ""),
        ("tokens that carry loss, in one epoch", f"{figures['trained_tokens']:,}" if figures["trained_tokens"] else ""),
        ("speed", f"{figures['tokens_per_second']:,.0f} tokens/s" if figures["tokens_per_second"] else ""),
        ("peak memory", memory(figures["peak_memory_bytes"]) if figures["peak_memory_bytes"] else ""),
        ("device", plain_text(str(told.get("started", {}).get("device", "")))),
        ("precision", plain_text(str(told.get("started", {}).get("dtype", "")))),
        ("run made", figures["created"]),
    ]
    return [(name, value) for name, value in rows if value]


def _ending(figures: dict[str, Any]) -> str:
    """How training ended, where that was before its end; not what its owner could do about it."""
    if figures["status"] == "stopped":
        return "Training was stopped before its end."
    return f"{plain_text(figures['message'].rstrip('.'))}." if figures["status"] != "finished" else ""


def _settings(config: TrainConfig, base: Base) -> list[tuple[str, str]]:
    asked = {**config.model_dump(), "model": base.name}
    return [(f"`{name}`", plain_text(str(value)) or "(none)") for name, value in asked.items()]


def _packages(run: Run) -> str:
    """What it was trained with, as its receipt says; "" where that cannot be read."""
    try:
        receipt = json.loads(run.receipt_path.read_bytes())
        packages = [f"{name} {version}" for name, version in receipt["packages"].items()]
        return "Made with " + plain_text(", ".join([f"Python {receipt['python']}", *packages])) + "."
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
