"""What happens in a run, in words: the lines of its log, and what the command line shows while it follows one."""

from __future__ import annotations

from typing import Any

from ft.figures import count, duration
from ft.runs.directory import name_of


def words(event: dict[str, Any]) -> str:
    """One line for one event of events.jsonl; "" for a kind that a person needs no line for."""
    kind = event["kind"]
    if kind == "waiting":
        return _waiting(event)
    if kind == "preparing":
        return str(event.get("what", "Preparing"))
    if kind == "doing":
        batches = f", batch {event.get('batch') or 1:,} of {event['batches']:,}" if event.get("batches") else ""
        return f"{event.get('what', 'Working')}{batches}"
    if kind == "smaller_batch":
        return (
            f"Memory ran out at {event.get('was')} conversations at once: going on from the last checkpoint with "
            f"{event.get('batch_size')} at once, {event.get('gradient_accumulation')} times a step (the same step)."
        )
    if kind == "damaged":
        return f"{event.get('checkpoint')} is damaged and is not used."
    if kind == "data":
        return _data(event)
    if kind == "started":
        resumed = f", going on from step {event['resumed_from']}" if event.get("resumed_from") else ""
        return f"Training {count(event.get('steps') or 0, 'step')} on {event.get('device')}{resumed}."
    if kind == "validation" and event.get("loss") is not None:
        when = f"at step {event['step']}" if event["step"] else "before training"
        return f"Validation loss {event['loss']:.4f} {when}"
    return _step(event) if kind == "step" else ""


def _waiting(event: dict[str, Any]) -> str:
    before = event.get("before") or 0
    using = f"{name_of(event['behind'])} is using it" if event.get("behind") else ""
    line = f"{count(before, 'run')} {'is' if before == 1 else 'are'} before it" if before else ""
    return f"Waiting for the device: {'; '.join(filter(None, [using, line])) or 'another run is using it'}."


def _data(event: dict[str, Any]) -> str:
    lost = [
        f"{event[key]:,} {what}"
        for key, what in (
            ("cut", "over-long cut at the end of a reply"),
            ("dropped", "over-long dropped"),
            ("no_trained", "without a reply to learn from left out"),
        )
        if event.get(key) and "remarks" not in event  # which say it too
    ]
    lines = "".join(f"\n{remark}" for remark in event.get("remarks", ()))
    return (
        f"{count(event.get('train') or 0, 'conversation')} to train on, {event.get('validation') or 0:,} held out; "
        f"{count(event.get('trained_tokens') or 0, 'token')} to learn{'; ' if lost else ''}{'; '.join(lost)}.{lines}"
    )


def _step(event: dict[str, Any]) -> str:
    parts = [f"Step {event['step']}" + (f" of {event['steps']}" if event.get("steps") else "")]
    if event.get("loss") is not None:
        parts.append(f"loss {event['loss']:.4f}")
    if event.get("tokens_per_second"):
        parts.append(f"{event['tokens_per_second']:,.0f} tokens/s")
    if event.get("seconds_left") is not None:
        parts.append(f"{duration(event['seconds_left'])} left")
    return ", ".join(parts)
