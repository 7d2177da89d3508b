"""What it costs to ask for the state of a run again and again, as a page, a script and the runs in line do: beside a
run of a thousand steps one of a hundred thousand.

`python bench/run_state.py` prints milliseconds for the first look, and for those that follow while it trains on.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
AGAIN = 200  # looks, each after another step


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["SIDETUNE_HOME"] = home
        found = {steps: measured(steps) for steps in (1_000, 100_000)}
    print(f"{'steps':>8} {'first look':>12} {'next looks':>12}")
    for steps, (first, again) in found.items():
        print(f"{steps:8,} {first * 1e3:9.1f} ms {again * 1e3:9.3f} ms")
    print(f"100 times the steps: the next looks take {found[100_000][1] / found[1_000][1]:.1f} times as long")


def measured(steps: int) -> tuple[float, float]:
    """Seconds for the first look at the line and at a run, and for each of the next."""
    from ft.config import TrainConfig
    from ft.dataset.versions import Version
    from ft.runs import directory, events
    from ft.runs.line import line
    from ft.runs.status import status

    run = directory.create(Version("sample", "v1", Path(".")), TrainConfig())
    events.append(run, "launched", devices=["cpu"])
    events.append(run, "started", step=0, steps=steps)
    with run.events_path.open("a", encoding="utf-8") as file:
        for step in range(1, steps):
            figures = {"loss": 2.5, "grad_norm": 1.25, "learning_rate": 2e-4, "tokens_per_second": 812.5}
            more = {"epoch": step / 1000, "memory_bytes": 2**31, "seconds_left": 60.5}
            file.write(json.dumps({"time": time.time(), "kind": "step", "step": step, **figures, **more}) + "\n")
    begun = time.perf_counter()
    line(), status(run)
    first = time.perf_counter() - begun
    spent = 0.0
    for _ in range(AGAIN):
        events.append(run, "step", step=steps, loss=2.5)
        begun = time.perf_counter()
        line(), status(run)
        spent += time.perf_counter() - begun
    assert status(run).step == steps
    return first, spent / AGAIN


if __name__ == "__main__":
    main()
