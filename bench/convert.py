"""How fast files become datasets, and in how much memory: python bench/convert.py [--rows N] [--million] [--save FILE]

Each figure is measured in a process of its own, on a file that this script makes: ShareGPT conversations of four turns,
1.75 KB each as JSON Lines. The JSON loader of the library datasets reads the same file in the same run, and so does
Python's own json module, line by line and no more than that: the yardstick of the machine.

"stage" saves a dataset, with one process that reads and with one for each core. Another dataset, of two conversations,
is saved first: that takes the "first" seconds, in which the libraries are imported that later ones find there. Memory
is that of the process that saves; those that read take about 120 MB each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

TEXT = """the of model training answer question please explain because write a function that returns list number café
naïve when there should example Paris in to and is it for python data language"""
WORDS = TEXT.split()
ONE, ALL = "stage, 1 process", "stage, all cores"


def write_chats(path: Path, rows: int, layout: str) -> None:
    """Write `rows` ShareGPT conversations as "lines" or as one "array" on a single line."""
    draw = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("[" if layout == "array" else "")
        for row in range(rows):
            turns = [
                {"from": ("human", "gpt")[place % 2], "value": " ".join(draw.choices(WORDS, k=(20, 110)[place % 2]))}
                for place in range(4)
            ]
            between = ("" if row == 0 else ", ") if layout == "array" else ("" if row == 0 else "\n")
            file.write(between + json.dumps({"id": f"c{row}", "conversations": turns}))
        file.write("]" if layout == "array" else "\n")


def measure(what: str, path: Path) -> dict[str, float]:
    """Seconds and peak memory (bytes) of one task, in this process."""
    if what == "convert":
        from formats.convert import convert

        before = time.perf_counter()
        deque(convert(path), maxlen=0)
    elif what == "json":
        before = time.perf_counter()
        with path.open(encoding="utf-8") as file:
            deque(map(json.loads, file), maxlen=0)
    elif what.startswith("stage"):
        from ft.dataset import build

        small = path.with_name("two.json")
        write_chats(small, 2, "lines")
        before = time.perf_counter()
        build.save(build.stage([build.SourceFile(small, small.name)]), "first")
        first, before = time.perf_counter() - before, time.perf_counter()
        count = 1 if what == ONE else None
        build.save(build.stage([build.SourceFile(path, path.name)], processes=count), "bench")
    else:
        from datasets import load_dataset

        before = time.perf_counter()
        load_dataset("json", data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))
    seconds = time.perf_counter() - before
    found = {"seconds": seconds, "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    return {**found, "first_seconds": first} if what.startswith("stage") else found


def in_own_process(what: str, path: Path, rows: int) -> dict[str, float]:
    """`measure` in a fresh process with a home of its own, and the rows a second."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, "--measure", what, "--file", str(path)]
        environment = {**os.environ, "SIDETUNE_HOME": home, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"rows_per_second": round(rows / found["seconds"]), **found}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--million", action="store_true", help="also a million rows, and a JSON array of 1 GB")
    options.add_argument("--save", type=Path, help="write the figures to this JSON file")
    options.add_argument("--measure", help=argparse.SUPPRESS)
    options.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.file)))
        return
    figures: dict[str, object] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "rows": args.rows}
    with tempfile.TemporaryDirectory() as folder:
        tasks = [
            ("lines", args.rows, ("json", "convert", ONE, ALL, "datasets")),
            ("array", args.rows, ("convert", ONE, ALL)),
        ]
        if args.million:
            tasks += [("lines", 1_000_000, (ALL,)), ("array", 600_000, (ALL,))]
        for layout, rows, measured in tasks:
            path = Path(folder) / "chats.json"
            write_chats(path, rows, layout)
            for what in measured:
                name = f"{what}, {rows:,} rows as {layout} ({path.stat().st_size / 1e6:.0f} MB)"
                figures[name] = found = in_own_process(what, path, rows)
                peak = found["peak_memory_bytes"] / 2**20
                print(f"{name}: {found['rows_per_second']:,.0f} rows/s, at most {peak:.0f} MB", flush=True)
    if args.save:
        args.save.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
