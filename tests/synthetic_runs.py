"""Runs that never trained: their events, from a line for each loss, as a worker writes them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ft.config import TrainConfig
from ft.runs.directory import Run, RunConfig

Line = Callable[[float], float]  # from the epoch to the loss
BEGUN = datetime(2026, 11, 20, 10, tzinfo=timezone.utc)


def events_of(
    training: Line,
    validation: Line | None,
    *,
    steps: int = 120,
    epochs: float = 3,
    every: int = 10,
    last: int = 0,
    conversations: tuple[int, int] = (1000, 400),
    tokens: int = 50_000,
    data: dict[str, Any] | None = None,
    noise: float = 0.0,
    end: str = "finished",
    **said: Any,
) -> list[dict[str, Any]]:
    """All events of a run of `steps` that ended with `end` ("" while it is going) after step `last`, or after all.

    `data`: what it told of its data, where that is another.
    """
    chance, time, found = random.Random(7), BEGUN.timestamp(), []

    def tell(kind: str, seconds: float = 0.5, **fields: Any) -> None:
        nonlocal time
        time += seconds
        found.append({"time": round(time, 3), "kind": kind, **fields})

    train, held_out = conversations
    tell("launched")
    tell("preparing", what="Loading the base model in 4-bit NF4")
    counts = {"train": train, "validation": held_out, "tokens": 2 * tokens, "trained_tokens": tokens, "longest": 300}
    counts.update(validation_tokens=tokens // 5, validation_trained_tokens=tokens // 10)
    tell("data", **{**counts, **(data or {})})
    device, dtype = "CPU (AMD EPYC, 2 cores), 24 GB (22.7 GB free)", "float32"
    tell("started", step=0, steps=steps, resumed_from=None, device=device, dtype=dtype, parameters=135, trainable=5)
    if validation:
        tell("validation", step=0, epoch=0.0, loss=validation(0.0), token_accuracy=0.3)
    at: dict[int, float] = {}
    last = last or steps
    for step in range(1, last + 1):
        epoch = step * epochs / steps
        tell(
            "step",
            step=step,
            steps=steps,
            epoch=round(epoch, 3),
            loss=training(epoch) + chance.gauss(0, noise),
            learning_rate=1e-3 * (1 - step / steps),
            grad_norm=1 + chance.random(),
            tokens_per_second=300 + 10 * chance.random(),
            memory_bytes=2 * 2**30 + step,
            seconds_left=(steps - step) / 2,
        )
        if validation and step % every == 0:
            at[step] = validation(epoch)
            tell("validation", step=step, epoch=round(epoch, 3), loss=at[step], token_accuracy=0.3 + step / steps / 2)
            tell("checkpoint", step=step)
    best = min(at, key=lambda each: at[each]) if at else last
    if end in ("finished", "stopped"):
        tell(end, step=last, best_step=best, tokens_per_second=305.0, peak_memory_bytes=3 * 2**30, **said)
    elif end:
        tell(end, **said)
    return found


def write(
    home: Path,
    name: str,
    events: list[dict[str, Any]],
    config: TrainConfig | None = None,
    dataset: str = "sample",
    hour: int = 0,
    version: str = "v1",
) -> Run:
    """A run's folder with these events; a later `hour` makes a newer run."""
    created = BEGUN + timedelta(hours=hour)
    folder = home / "runs" / f"{created:%Y%m%d-%H%M%S}-{dataset}-{name}"
    folder.mkdir(parents=True)
    described = RunConfig(
        id=folder.name,
        created=created,
        dataset=dataset,
        version=version,
        train=config or TrainConfig(learning_rate=1e-3),
    )
    (folder / "config.json").write_text(described.model_dump_json())
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return Run(folder)
