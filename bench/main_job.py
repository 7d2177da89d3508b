"""Measure the main job on this machine, from a cold start: python bench/main_job.py [--json]

Prints, in order: seconds until the page answers and the memory of the idle app; seconds and figures of training the
bundled sample with the CPU preset; seconds to the first token of both replies with the model loaded, and tokens per
second of each pane while both are written. The default model must be there already (any earlier start of a training
fetches it); everything else happens in a folder of its own, which is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from formats.conversation import Message
from ft import home
from ft.chat.engine import Engine
from ft.models import device, embedded

ROOT = Path(__file__).parents[1]
PROMPT = "How do I fix a flat tyre?"


def page() -> dict[str, Any]:
    """Start the app; seconds until its page answers, and its memory once it is idle."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begun = time.perf_counter()
    app = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    answer.read()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)
        seconds = time.perf_counter() - begun
        time.sleep(3)
        return {
            "page_seconds": round(seconds, 2),
            "idle_megabytes": round(psutil.Process(app.pid).memory_info().rss / 1e6),
        }
    finally:
        app.terminate()
        app.wait()


def sidetune(*words: str) -> dict[str, Any]:
    """What a command of the command line prints with --json."""
    command = [sys.executable, "-m", "ft", *words, "--json"]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout)


def training() -> dict[str, Any]:
    """Convert the sample and train on it with the CPU preset."""
    sidetune("convert", str(ROOT / "ft" / "dataset" / "sample.jsonl"), "--name", "sample")
    begun = time.perf_counter()
    run = sidetune("train", "sample", "--preset", "cpu")
    return {
        "train_seconds": round(time.perf_counter() - begun, 1),
        "train_tokens_per_second": run["tokens_per_second"],
        "train_peak_gigabytes": round(run["peak_memory_bytes"] / 1e9, 2),
        "validation_loss_before": round(run["validation_loss_before"], 3),
        "validation_loss_after": round(run["validation_loss_after"], 3),
    }


def chatting() -> dict[str, Any]:
    """Seconds to the first token of both panes, and the speed of each, with the model in memory."""
    engine = Engine()
    begun = time.perf_counter()
    engine.open("latest")
    loaded = time.perf_counter() - begun
    asked = [Message("user", PROMPT)]
    begun, first, pair = time.perf_counter(), None, None
    for pair in engine.reply("latest", asked, asked, max_new_tokens=64):
        if first is None and pair.base.tokens and pair.tuned.tokens:
            first = time.perf_counter() - begun
    assert pair is not None and first is not None
    return {
        "chat_load_seconds": round(loaded, 1),
        "first_token_seconds": round(first, 2),
        "base_tokens_per_second": round(pair.base.tokens / pair.base.seconds, 1),
        "tuned_tokens_per_second": round(pair.tuned.tokens / pair.tuned.seconds, 1),
        "base_reply": pair.base.text,
        "tuned_reply": pair.tuned.text,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    embedded.ensure(print if not options.json else None)
    models = home.models_dir().resolve()
    folder = Path(tempfile.mkdtemp(prefix="sidetune-bench-"))
    try:
        (folder / "models").symlink_to(models)
        os.environ["SIDETUNE_HOME"] = str(folder)
        figures = {"device": str(device.describe()), **page(), **training(), **chatting()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
