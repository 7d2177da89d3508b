"""Compare training speed on this machine: python bench/train_throughput.py [FILE] [--rows N] [--only a,b,c] [--json]

Trains the default model for one epoch on the first conversations of FILE (any that Sidetune reads; the bundled sample
where none is given) in three ways, each in a process of its own, one after the other:

a  stock TRL QLoRA, as its documentation shows it: NF4 with double quantisation, SFTTrainer's defaults
b  Sidetune's worker
c  a bare PyTorch loop without a trainer, in the dtype that is fastest here, sorted by length, logits for trained
   tokens alone: the practical limit

All with batches of 4 and rank 16 on all linear layers, without validation. tokens/s counts tokens that are not padding
(prompt and reply), over the wall time of training without loading; memory is the process's largest resident set.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from stock_model import stock_model

from formats.conversation import Conversation
from formats.convert import convert
from ft import home
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.dataset.sample import sample_file
from ft.models import device, embedded
from ft.runs import launch

BATCH, RANK, MAX_LENGTH, RATE = 4, 16, 1024, 1e-3
WAYS = {"a": "stock TRL QLoRA", "b": "Sidetune's worker", "c": "bare PyTorch loop"}


def conversations(file: Path, rows: int) -> list[Conversation]:
    return list(islice((each for each in convert(file) if isinstance(each, Conversation)), rows))


def turns(conversation: Conversation) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in conversation.messages]


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def stock_trl(file: Path, rows: int) -> dict[str, Any]:
    """As https://huggingface.co/docs/trl/peft_integration shows QLoRA, with our batch, rank and length."""
    import datasets
    import torch
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    folder = embedded.ensure()
    model, tokenizer = stock_model(folder)
    chats = [{"messages": turns(each)} for each in conversations(file, rows)]
    tokens = sum(len(tokenizer.apply_chat_template(each["messages"])["input_ids"]) for each in chats)
    with tempfile.TemporaryDirectory() as output:
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=output,
                per_device_train_batch_size=BATCH,
                num_train_epochs=1,
                learning_rate=RATE,
                max_length=MAX_LENGTH,
                use_cpu=not torch.cuda.is_available(),
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=datasets.Dataset.from_list(chats),
            processing_class=tokenizer,
            peft_config=LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"),
        )
        begun = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - begun
    losses = [each["loss"] for each in trainer.state.log_history if "loss" in each]
    return {"tokens": tokens, "seconds": seconds, "peak_bytes": peak(), "loss": losses[-1] if losses else None}


def sidetune(file: Path, rows: int) -> dict[str, Any]:
    """A run as the app starts it; its wall time is from `started` to the last step's end."""
    from ft.dataset.build import SourceFile, save, stage
    from ft.runs import directory, events
    from ft.runs.status import summary

    chats = Path(os.environ["SIDETUNE_HOME"]) / "bench.jsonl"
    with chats.open("w") as out:
        for each in conversations(file, rows):
            out.write(json.dumps({"messages": turns(each)}) + "\n")
    dataset = save(stage([SourceFile(chats, chats.name)], validation_fraction=0), "bench")
    config = TrainConfig(
        lora_rank=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=0,
        learning_rate=RATE,
        epochs=1,
        batch_size=BATCH,
        max_length=MAX_LENGTH,
        probes=0,
    )
    run = directory.create(dataset, config)
    launch.start(run)
    for _ in launch.wait(run):
        pass
    told = events.read(run)
    found = summary(run)
    if found["status"] != "finished":
        raise SystemExit(found["message"])
    begun = next(e["time"] for e in told if e["kind"] == "started")
    ended = max(e["time"] for e in told if e["kind"] == "step")
    tokens = next(e["tokens"] for e in told if e["kind"] == "data")
    started = next(e for e in told if e["kind"] == "started")
    return {
        "tokens": tokens,
        "seconds": ended - begun,
        "peak_bytes": found["peak_memory_bytes"],
        "loss": found["loss"],
        "dtype": started["dtype"],
    }


def bare_loop(file: Path, rows: int) -> dict[str, Any]:
    """Forward, backward, AdamW: nothing else."""
    import torch
    from peft import LoraConfig, get_peft_model

    from ft.models.load import load_base
    from ft.template.render import Renderer

    cuda = torch.cuda.is_available()
    dtype = torch.bfloat16 if cuda else device.fast_cpu_dtype()
    loaded = load_base(DEFAULT_MODEL, "qlora", dtype=dtype)
    renderer = Renderer(loaded.tokenizer)
    rendered = [sample for each in conversations(file, rows) for sample in renderer.samples(each)]
    rendered.sort(key=lambda each: len(each.input_ids))
    for parameter in loaded.model.parameters():
        parameter.requires_grad_(False)
    model = get_peft_model(
        loaded.model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    model.train()
    causal = model.get_base_model()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE)
    begun, loss = time.perf_counter(), torch.tensor(0.0)
    for start in range(0, len(rendered), BATCH):
        batch = rendered[start : start + BATCH]
        width = max(len(each.input_ids) for each in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        attention, trained = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
        for row, each in enumerate(batch):
            length = len(each.input_ids)
            ids[row, :length] = torch.tensor(each.input_ids)
            attention[row, :length] = 1
            trained[row, :length] = torch.tensor(each.trained)
        ids, attention, trained = (each.to(model.device) for each in (ids, attention, trained))
        with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            hidden = causal.base_model(input_ids=ids, attention_mask=attention, use_cache=False).last_hidden_state
            logits = causal.get_output_embeddings()(hidden[:, :-1][trained[:, 1:]])
        loss = torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][trained[:, 1:]])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.perf_counter() - begun
    tokens = sum(len(each.input_ids) for each in rendered)
    return {"tokens": tokens, "seconds": seconds, "peak_bytes": peak(), "loss": loss.item(), "dtype": str(dtype)}


def measured(way: str, file: Path, rows: int) -> dict[str, Any]:
    """The figures of one way, from a process of its own with a home of its own."""
    models = home.models_dir().resolve()
    folder = Path(tempfile.mkdtemp(prefix="sidetune-bench-"))
    try:
        (folder / "models").symlink_to(models)
        command = [sys.executable, __file__, str(file), "--rows", str(rows), "--one", way]
        # The bare loop gets the allocator that the worker gets where it is installed; stock TRL is as it comes.
        found = launch.environment() if way == "c" else dict(os.environ)
        environment = {**found, "SIDETUNE_HOME": str(folder), "TOKENIZERS_PARALLELISM": "false"}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        return {**found, "tokens_per_second": round(found["tokens"] / found["seconds"], 1)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=sample_file().path, help="chats to train on")
    parser.add_argument("--rows", type=int, default=64, help="conversations of it (default: 64)")
    parser.add_argument("--only", default="a,b,c", help="ways to measure, in this order (default: a,b,c)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--one", choices=list(WAYS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        work = {"a": stock_trl, "b": sidetune, "c": bare_loop}[options.one]
        print(json.dumps(work(options.file, options.rows)))
        return
    embedded.ensure(None if options.json else print)
    found = {way: measured(way, options.file, options.rows) for way in options.only.split(",")}
    rates = {way: figures["tokens_per_second"] for way, figures in found.items()}
    ratios = {f"b/{way}": round(rates["b"] / rates[way], 2) for way in ("a", "c") if way in rates and "b" in rates}
    if options.json:
        print(
            json.dumps(
                {
                    "device": str(device.describe()),
                    "allocator": launch.environment().get("LD_PRELOAD") or "glibc",
                    "rows": options.rows,
                    **found,
                    **ratios,
                },
                indent=2,
            )
        )
        return
    print(device.describe())
    for way, figures in found.items():
        rate, gigabytes = figures["tokens_per_second"], figures["peak_bytes"] / 1e9
        took = f"{figures['tokens']:,} tokens in {figures['seconds']:.1f} s"
        print(f"{way}  {WAYS[way]:18} {rate:8,.1f} tokens/s  {gigabytes:5.2f} GB  ({took})")
    for name, value in ratios.items():
        print(f"{name} = {value}")


if __name__ == "__main__":
    main()
