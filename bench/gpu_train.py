"""QLoRA on an NVIDIA GPU against stock TRL: python bench/gpu_train.py [--shape 8b] [--length 2048] [--batch 4] [--json]

Trains a model of a real one's shape (1b and 8b: Llama 3; 14b: Qwen3) with random weights, so that nothing is
downloaded, in two ways, each in a process of its own, one after the other:

a  stock TRL QLoRA, as its documentation shows it: NF4 with double quantisation, SFTTrainer's defaults
b  Sidetune's own trainer, as a run puts it together

Both with the same conversations, batch and length, and rank 16 on all linear layers. They go through the conversations
twice, and the second time is measured. A third of each conversation is prompt, which a learns too and b does not.

tokens/s counts tokens that are not padding. MFU is as in bench/model_flops.py: forward 2N; backward 2N, for the
gradients of activations alone, as N is frozen; 6 for each weight of the adapter; attention; nothing that is computed
twice. "6N" is the usual figure, which counts 6 for every weight. Memory is the most that torch reserved, loading
included (on a CPU the largest resident set). Where flash-attn and liger-kernel are installed, b uses their kernels, and
the result names them.

--load-only loads the model and says what that took. Its files are holes, which take no room on the disk, so that 70b
can be tried too. --shape tiny runs on a CPU as well, to try the script.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpu_ways import RANK
from model_flops import peak_flops, size_of, training_flops
from random_model import SHAPES, config, require_room, skeleton

from ft.models import device, embedded
from ft.runs import launch

WAYS = {"a": "stock TRL QLoRA", "b": "Sidetune's trainer"}
GOALS = {"ratio": 1.5, "mfu": 0.45, "bytes": 10e9, "load_bytes": 48e9}  # MFU and bytes of 8b, the last of 70b
PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "bitsandbytes",
    "flash-attn",
    "flash-attn-3",
    "liger-kernel",
    "triton",
)


def in_a_process(way: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one way, from a process of its own."""
    asked = json.dumps({**vars(options), "one": way, "weights": str(folder)})
    # Stock TRL is as it comes, but for the one GPU; b is what a run is, with the allocator that it gets on a CPU.
    environment = launch.environment()
    if way == "a" and "LD_PRELOAD" not in os.environ:
        environment.pop("LD_PRELOAD", None)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("gpu_ways.py"), asked],
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        return {"error": f"it ended with exit status {done.returncode}: what it wrote is above"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "rows" not in found:
        return found
    rows = found.pop("rows")
    tokens, seconds = sum(each for each, _ in rows), found["seconds"]
    shape, peak = config(options.shape), peak_flops(device.describe().name)
    heads = shape.num_attention_heads
    width = heads * (getattr(shape, "head_dim", None) or shape.hidden_size // heads)
    size = size_of(skeleton(options.shape), shape.num_hidden_layers, width, RANK)
    rates = {name: training_flops(size, rows, each) / seconds for name, each in (("mfu", 4), ("mfu_6n", 6))}
    return {
        "tokens": tokens,
        "trained_tokens": sum(each for _, each in rows),
        "tokens_per_second": round(tokens / seconds, 1),
        "model_flops_per_second": rates["mfu"],
        **{name: round(rate / peak, 6) if peak else None for name, rate in rates.items()},
        **found,
    }


def installed() -> dict[str, str]:
    """The versions of what the figures depend on, of those that are there."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def report(shape: str, found: dict[str, Any]) -> None:
    """The figures and the goals for people."""
    for way, figures in found.items():
        title = WAYS.get(way, "loaded")
        if "error" in figures:
            print(f"{way}  {title:18}  {figures['error']}")
        elif "held_bytes" in figures:
            held, most = figures["held_bytes"] / 1e9, figures["peak_bytes"] / 1e9
            print(f"{shape} loaded in {figures['seconds']:.0f} s: {held:.2f} GB, {most:.2f} GB at most")
        else:
            mfu = (
                "MFU not known"
                if figures["mfu"] is None
                else f"MFU {figures['mfu']:.1%}, {figures['mfu_6n']:.1%} by 6N"
            )
            took = f"{figures['peak_bytes'] / 1e9:6.2f} GB  {mfu}"
            print(f"{way}  {title:18} {figures['tokens_per_second']:10,.1f} tokens/s  {took}")
    if all("tokens_per_second" in found.get(way, {}) for way in WAYS):
        ratio = found["b"]["tokens_per_second"] / found["a"]["tokens_per_second"]
        print(f"b/a = {ratio:.2f}  (goal: at least {GOALS['ratio']})")
    if "load" in found:
        print(f"goal: 70b loads within {GOALS['load_bytes'] / 1e9:.0f} GB")
    else:
        print(f"goals for 8b at length 2048: MFU of {GOALS['mfu']:.0%}, within {GOALS['bytes'] / 1e9:.0f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=list(SHAPES), default="8b")
    parser.add_argument(
        "--length", type=int, default=2048, help="tokens of a conversation, at least 64 (default: 2048)"
    )
    parser.add_argument("--batch", type=int, default=4, help="conversations at once (default: 4)")
    parser.add_argument("--steps", type=int, default=6, help="steps measured, after as many that are not (default: 6)")
    parser.add_argument("--mixed", action="store_true", help="conversations of all lengths up to --length")
    parser.add_argument("--checkpointing", default="auto", help="of b: auto, off, light or full (default: auto)")
    parser.add_argument("--only", default="a,b", help="ways to measure, in this order (default: a,b)")
    parser.add_argument("--load-only", action="store_true", help="load the model, and say what that took")
    parser.add_argument("--weights", type=Path, help="folder for the weights, kept (default: a temporary one)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    here = device.describe()
    if here.kind == "cpu" and options.shape != "tiny":
        raise SystemExit("No NVIDIA GPU is to be seen here: --shape tiny runs without one.")
    embedded.ensure(None if options.json else print)
    folder = options.weights or Path(tempfile.mkdtemp(prefix="sidetune-bench-"))
    try:
        found = measured(folder / (f"{options.shape}-hollow" if options.load_only else options.shape), options)
    finally:
        if options.weights is None:
            shutil.rmtree(folder, ignore_errors=True)
    failed = any("error" in figures for figures in found.values())
    if not options.json:
        print(here)
        report(options.shape, found)
        sys.exit(failed)
    asked = {name: value for name, value in vars(options).items() if name not in ("json", "weights", "only")}
    print(json.dumps({"device": str(here), "packages": installed(), **asked, "goals": GOALS, **found}, indent=2))
    sys.exit(failed)


def measured(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of each way by its letter, with the model in `folder`, which is written where it is not there."""
    if not (folder / "config.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if not options.load_only:
            require_room(folder, options.shape)
        # In a process of its own too: what torch holds of the GPU it holds until it ends.
        written = in_a_process("write", folder, options)
        if "error" in written:
            raise SystemExit(f"The weights could not be written to {folder}: {written['error']}.")
    ways = ["load"] if options.load_only else options.only.split(",")
    return {way: in_a_process(way, folder, options) for way in ways}


if __name__ == "__main__":
    main()
