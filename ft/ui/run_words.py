"""What a run's events say, in words and in HTML with all text escaped. No gradio here, so that it can be tested."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

from ft.figures import duration, loss, memory
from ft.runs.directory import RunConfig
from ft.runs.status import Status

STATES = {
    "queued": "Starting",
    "waiting": "Waiting its turn",
    "preparing": "Preparing",
    "running": "Training",
    "stopping": "Stopping",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "interrupted": "Interrupted",
    "damaged": "Damaged",
}


def state_html(name: str, config: RunConfig, model: str, now: Status, found: list[dict[str, Any]]) -> str:
    """The head of a run: its state in words, a progress bar while it is going, and its figures with their units."""
    about = f"{config.dataset} {config.version} · {model} · {config.id}"
    called = f"<strong><bdi>{escape(name)}</bdi></strong>"
    return (
        f'<section class="run-head run-{now.state}">'
        f'<h2><span class="run-dot" aria-hidden="true"></span>{escape(_title(now))}</h2>'
        f'<p class="run-about">{called} · {escape(about)}</p>'
        f"{_message(now, found)}{_bar(now)}{_figures(now, found)}</section>"
    )


def _title(now: Status) -> str:
    title = STATES[now.state]
    if now.state in ("running", "stopping", "stopped", "interrupted") and now.steps:
        title += f" · step {now.step:,} of {now.steps:,}"
    elif now.state == "finished" and now.step:
        title += f" after {now.step:,} {'step' if now.step == 1 else 'steps'}"
    if now.seconds_left is not None and now.state == "running":
        title += f" · about {duration(now.seconds_left)} left"
    return title


def _message(now: Status, found: list[dict[str, Any]]) -> str:
    if now.state == "failed":
        failed: dict[str, Any] = next((e for e in reversed(found) if e["kind"] == "failed"), {})
        given, why, todo = (escape(str(failed.get(key) or "")) for key in ("given", "why", "todo"))
        return f'<p role="alert" class="run-failed"><strong>{given}</strong>: {why}<br>{todo}</p>'
    plain = now.message.rstrip(".").lower()
    if plain in ("training", "finished", "starting", STATES[now.state].lower()):
        return ""
    text = now.message[:1].upper() + now.message[1:]
    text = text if text.endswith(".") else text + "."
    if now.state == "stopping":
        text += " Stop now ends it at once: what it learned since its last checkpoint is lost."
    return f"<p>{escape(text)}</p>"


def _bar(now: Status) -> str:
    if not now.live:
        return ""
    if not now.steps:
        return '<div class="run-bar run-bar-open" role="progressbar" aria-label="Training progress"><div></div></div>'
    share = min(1.0, now.step / now.steps)
    return (
        f'<div class="run-bar" role="progressbar" aria-label="Training progress" aria-valuemin="0" '
        f'aria-valuemax="{now.steps}" aria-valuenow="{now.step}" aria-valuetext="step {now.step} of {now.steps}">'
        f'<div style="width:{share:.1%}"></div></div>'
    )


def _figures(now: Status, found: list[dict[str, Any]]) -> str:
    last: dict[str, dict[str, Any]] = {event["kind"]: event for event in found}
    step, data, started = (last.get(kind, {}) for kind in ("step", "data", "started"))
    validations = [e for e in found if e["kind"] == "validation" and e.get("loss") is not None]
    validation = validations[-1] if validations else None
    best = found[-1].get("best_step") if found else None  # once it has ended: what is kept counts
    kept = next((e for e in reversed(validations) if e["step"] == best), None)
    aside = f" at step {kept['step']:,}" if kept and kept != validation else ""
    validation = kept or validation
    ends = () if now.live else reversed(found)
    end: dict[str, Any] = next((e for e in ends if e.get("best_step") is not None), {})  # of the whole run
    speed = end.get("tokens_per_second") or step.get("tokens_per_second")
    peak = end.get("peak_memory_bytes") or max((e.get("memory_bytes") or 0 for e in found), default=0)
    rows = [
        ("Training loss", f"{step['loss']:.3f}" if step.get("loss") is not None else ""),
        ("Validation loss", f"{validation['loss']:.3f}{aside}" if validation else ""),
        ("Speed", f"{speed:,.0f} tokens/s" if speed else ""),
        ("Peak memory", memory(peak) if peak else ""),
        ("Conversations", f"{data['train']:,} + {data.get('validation', 0):,} held out" if "train" in data else ""),
        ("Learns", f"{started['trainable']:,} of {started['parameters']:,} weights" if "trainable" in started else ""),
    ]
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows if value)
    return f'<dl class="run-figures">{shown}</dl>' if shown else ""


def outcome(summary: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """What the run did for unseen conversations, from `ft.runs.status.summary` and its events; "" while it is going."""
    if summary["status"] not in ("finished", "stopped"):
        return ""
    if not summary["step"]:
        return "It has not taken a step, so it has learned nothing yet: resume it to train."
    before, after = summary["validation_loss_before"], summary["validation_loss_after"]
    if after is None:
        data: dict[str, Any] = next((each for each in reversed(found) if each["kind"] == "data"), {})
        if before is not None or data.get("validation"):
            return "It ended before its first validation, so it is not known how it does on unseen conversations."
        none = "No conversation was held out, so this run cannot say how it does on unseen ones: judge it in the chat."
        return none if data.get("validation") == 0 else ""
    if before is None:
        return (
            f"**Validation loss {loss(after)}** on conversations that it never trained on; before, it was not measured."
        )
    text = f"**Validation loss {loss(before)} → {loss(after)}** on conversations that it never trained on"
    if after < before - 0.03:
        times = math.exp(min(before - after, 20.0))  # more can be told by nobody from less
        text += f": token for token, the tuned model finds their replies {times:.1f} times as likely as the base does."
    elif after <= before + 0.03:
        text += ": no difference."
    else:
        text += ": it got worse on them."
    best, last = summary["best_step"], summary["step"]
    if best and last and best < last:
        text += f" It was best at step {best:,} of {last:,}, and that is the checkpoint that was kept."
    return text


def loss_change(before: float | None, after: float | None, write: Callable[[float], str] = loss) -> str:
    """ "3.21 → 2.10"; what is not known (yet) is left out, and the arrow with it."""
    if before is not None and after is not None:
        return f"{write(before)} → {write(after)}"
    if before is not None:
        return f"{write(before)} before training"
    return "" if after is None else write(after)
