"""What one process of bench/gpu_train.py does: write a model, train it in one of the ways, or load it alone.

Its argument is the options as JSON, and its last line is the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from random_model import write
from stock_model import stock_model
from train_memory import chat
from transformers import TrainerCallback

from formats.conversation import Conversation, Message, Origin
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.models.load import load_base
from ft.train.callbacks import peak_memory_bytes

RANK = 16


class Stopwatch(TrainerCallback):
    """The seconds of the second half of the steps, which is one time through all conversations."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.begun = self.seconds = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step not in (self.steps, 2 * self.steps):
            return
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.begun, self.seconds = now, now - self.begun


def conversations(options: argparse.Namespace) -> list[list[dict[str, Any]]]:
    """As many as fill the steps: all of the wanted length, or with --mixed down to a sixteenth of it."""
    count = options.batch * options.steps
    shortest = options.length / 16 if options.mixed else options.length
    spread = [shortest * (options.length / shortest) ** (row / max(1, count - 1)) for row in range(count)]
    made = {length: chat(length) for length in {max(64, round(each)) for each in spread}}
    return [made[max(64, round(each))] for each in spread]


def stock_trl(folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """As https://huggingface.co/docs/trl/peft_integration shows QLoRA, with our batch, rank and length."""
    import datasets
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    model, tokenizer = stock_model(folder)
    watch = Stopwatch(options.steps)
    with tempfile.TemporaryDirectory() as output:
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=output,
                per_device_train_batch_size=options.batch,
                max_steps=2 * options.steps,
                max_length=options.length,
                save_strategy="no",
                use_cpu=not torch.cuda.is_available(),
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=datasets.Dataset.from_list([{"messages": each} for each in conversations(options)]),
            processing_class=tokenizer,
            peft_config=LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"),
            callbacks=[watch],
        )
        prepared: Any = trainer.train_dataset
        lengths = [len(ids) for ids in prepared["input_ids"]]
        trainer.train()
    return {**_measured(watch, [(each, each - 1) for each in lengths]), "attention": model.config._attn_implementation}


def sidetune(folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """The trainer as ft.train.two_steps puts it together for a trial."""
    from ft.models.libraries import import_libraries
    from ft.template.render import Renderer
    from ft.train.assemble import put_adapter, trainer_for, training_dtype
    from ft.train.batch import Batch
    from ft.train.data import encode

    import_libraries()
    settings = TrainConfig(
        model=folder,
        lora_rank=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=0,
        batch_size=options.batch,
        max_length=options.length,
        checkpointing=options.checkpointing,
    )
    loaded = load_base(folder, "qlora", dtype=training_dtype())
    given = [
        Conversation(tuple(Message(**turn) for turn in turns), Origin("bench", number))
        for number, turns in enumerate(conversations(options), 1)
    ]
    rows, _ = encode(given, Renderer(loaded.tokenizer), settings)
    watch = Stopwatch(options.steps)
    with tempfile.TemporaryDirectory() as output:
        trainer = trainer_for(
            put_adapter(loaded, settings),
            loaded,
            settings,
            Batch(options.batch, 1),
            Path(output),
            rows,
            None,
            steps=2 * options.steps,
            eval_steps=2 * options.steps,
            validate_first=False,
            callbacks=[watch],
        )
        trainer.args.save_strategy = "no"
        trainer.train()
    trained = [(len(ids), sum(label != -100 for label in ids[1:])) for ids in rows["labels"]]
    return {
        **_measured(watch, trained),
        "attention": loaded.model.config._attn_implementation,
        "checkpointing": options.checkpointing,
        "dtype": loaded.precision,
    }


def load_only(folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """The base model as a run loads it, and nothing more."""
    begun = time.perf_counter()
    loaded = load_base(folder, "qlora", dtype=torch.bfloat16)
    held = torch.cuda.memory_allocated() if torch.cuda.is_available() else loaded.model.get_memory_footprint()
    return {"seconds": time.perf_counter() - begun, "held_bytes": held, "peak_bytes": _peak()}


def _measured(watch: Stopwatch, rows: list[tuple[int, int]]) -> dict[str, Any]:
    return {"seconds": watch.seconds, "rows": rows, "peak_bytes": _peak(), "peak_used_bytes": peak_memory_bytes()}


def _peak() -> int:
    """What a GPU must have free is what torch has taken of it, more than its tensors need."""
    return torch.cuda.max_memory_reserved() if torch.cuda.is_available() else peak_memory_bytes()


def one(options: argparse.Namespace) -> dict[str, Any]:
    """What one process does."""
    if options.one == "write":
        write(Path(options.weights), options.shape, DEFAULT_MODEL, hollow=options.load_only)
        return {}
    return {"a": stock_trl, "b": sidetune, "load": load_only}[options.one](options.weights, options)


if __name__ == "__main__":
    print("\n" + json.dumps(one(argparse.Namespace(**json.loads(sys.argv[1])))))
