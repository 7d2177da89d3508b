"""Memory and speed of a step, for each way of recomputing: python bench/train_memory.py [--json]

Two real steps of the default model on conversations of exactly --length tokens (512), --batch (4) at once, a third of
them prompt, rank 16 on all linear layers, each way in a process of its own: the one that `sidetune trial` uses.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from formats.conversation import Conversation, Message, Origin
from ft import home
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.dataset.build import SourceFile, save, stage
from ft.models import device, embedded
from ft.models.load import load_tokenizer
from ft.runs import launch
from ft.template.render import Renderer


def chat(length: int) -> list[dict[str, str]]:
    """A conversation of exactly `length` tokens for the default model."""
    renderer = Renderer(load_tokenizer(DEFAULT_MODEL))

    def turns(words: int) -> list[dict[str, str]]:
        return [
            {"role": "user", "content": "word " * (length // 3)},
            {"role": "assistant", "content": "word " * words + "end"},
        ]

    def tokens(words: int) -> int:
        messages = tuple(Message(turn["role"], turn["content"]) for turn in turns(words))
        (sample,) = renderer.samples(Conversation(messages, Origin("bench", 1)))
        return len(sample.input_ids)

    return turns(length - tokens(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    embedded.ensure(None if options.json else print)
    models = home.models_dir().resolve()
    folder = Path(tempfile.mkdtemp(prefix="sidetune-bench-"))
    try:
        (folder / "models").symlink_to(models)
        os.environ["SIDETUNE_HOME"] = str(folder)
        line = json.dumps({"messages": chat(options.length)}) + "\n"
        (folder / "chats.jsonl").write_text(line * options.batch)
        dataset = save(stage([SourceFile(folder / "chats.jsonl", "chats.jsonl")], validation_fraction=0), "bench")
        found = {}
        for mode in ("off", "light", "full"):
            config = TrainConfig(
                batch_size=options.batch, max_length=options.length, lora_dropout=0, checkpointing=mode
            )
            asked = json.dumps({"dataset": f"{dataset.name}@{dataset.version}", "config": config.model_dump()})
            done = subprocess.run(
                [sys.executable, "-m", "ft.train.two_steps", asked],
                env=launch.environment(),
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            found[mode] = json.loads(done.stdout.splitlines()[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        allocator = launch.environment().get("LD_PRELOAD") or "glibc"
        print(
            json.dumps({"device": str(device.describe()), "allocator": allocator, **vars(options), **found}, indent=2)
        )
        return
    print(device.describe())
    for mode, figures in found.items():
        print(f"{mode:6} {figures['peak_bytes'] / 1e9:5.2f} GB  {figures['tokens_per_second']:7,.1f} tokens/s")


if __name__ == "__main__":
    main()
