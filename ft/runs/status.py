"""What state a run is in. Derived from its lock and its events each time, never stored."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from ft.files import regular
from ft.runs import checkpoints, events
from ft.runs.advice import advise
from ft.runs.curves import Curves
from ft.runs.directory import Run
from ft.runs.words import words

State = Literal["queued", "waiting", "preparing", "running", "stopping", "finished", "stopped", "failed", "interrupted"]
LIVE: frozenset[State] = frozenset({"queued", "waiting", "preparing", "running", "stopping"})
ENDS = frozenset({"finished", "stopped", "failed"})  # kinds of event that end what was launched
START_SECONDS = 30  # a worker that has not taken its lock by then will not


@dataclass(frozen=True, slots=True)
class Status:
    """`step` of `steps`; `seconds_left` where it is known; `message` is what to tell a person."""

    state: State
    step: int
    steps: int
    seconds_left: float | None
    message: str

    @property
    def live(self) -> bool:
        """Whether a process is at work on it, or about to be."""
        return self.state in LIVE


def is_locked(run: Run) -> bool:
    """Whether a worker holds the run's lock, that is: is alive."""
    return is_held(run.lock_path)


def is_held(lock: Path) -> bool:
    """Whether a process that is alive holds the lock in that file; nobody holds what is no file, or cannot be read."""
    try:
        with open(lock, "rb", opener=regular) as file:
            # Shared, so that two who ask at once do not take each other for the holder. Closing lets go of it.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def status(run: Run, known: list[dict[str, Any]] | None = None) -> Status:
    """The run's state now; `known` are its events, or those that `events.read_compact` keeps, where they were read
    already."""
    found = events.read_compact(run) if known is None else known
    starts = [number for number, event in enumerate(found) if event["kind"] == "started"]
    lately = found[starts[-1] :] if starts else []  # a resumed run goes back to its last checkpoint
    step = max((event.get("step") or 0 for event in lately), default=0)
    steps = (lately[0].get("steps") or 0) if lately else 0
    state, message = _state(run, found, step)
    # After the last step comes what is not in that figure: the last questions, and saving.
    left = next((e.get("seconds_left") for e in reversed(lately) if e["kind"] == "step" and step < steps), None)
    return Status(state, step, steps, left if state == "running" else None, message)


def _state(run: Run, found: list[dict[str, Any]], step: int) -> tuple[State, str]:
    launches = [number for number, event in enumerate(found) if event["kind"] == "launched"]
    now = found[launches[-1] :] if launches else found  # what its newest process has told
    newest = now[-1] if now else {"kind": "launched"}
    if newest["kind"] in ENDS:  # written just before the lock is let go
        return _ended(newest, step)
    if is_locked(run):
        if run.stop_path.exists():
            return "stopping", _stopping(now)
        if newest["kind"] == "waiting":
            return "waiting", words(newest)
        if newest["kind"] in ("launched", "preparing", "data"):
            return "preparing", str(next((e["what"] for e in reversed(now) if e.get("what")), "Starting"))
        return "running", words(newest) if newest["kind"] == "doing" else "Training"
    since = now[0]["time"] if launches else run.config.created.timestamp()
    worked = any(event["kind"] != "launched" for event in now)
    if not worked and is_recent(since):
        return ("stopping", "Stopping before it begins.") if run.stop_path.exists() else ("queued", "Starting")
    saved = bool(checkpoints.folders(run.checkpoints))
    place = "its last checkpoint" if saved else "its beginning (it had saved no checkpoint)"
    tail = log_tail(run, 3)
    return "interrupted", f"Its process is gone: resume it to go on from {place}." + (
        f" The log ends with: {tail}" if tail and not worked else ""
    )


def _stopping(now: list[dict[str, Any]]) -> str:
    """What a process that was asked to stop still does, from what it has told."""
    if not any(event["kind"] == "step" for event in now):
        return "Stopping before it begins."
    if now[-1]["kind"] == "doing":
        return f"Stopping. {words(now[-1])}."
    if now[-1]["kind"] == "checkpoint":
        return "Stopping. Its checkpoint is saved."
    return "Stopping at the end of this step, then saving a checkpoint."


def is_recent(moment: float) -> bool:
    """Whether `moment` (seconds since 1970) is so near that what was started then may still be on its way. One that
    lies ahead was written before the clock was set back."""
    return abs(time.time() - moment) < START_SECONDS


def _ended(event: dict[str, Any], step: int) -> tuple[State, str]:
    if event["kind"] == "failed":
        return "failed", f"{event.get('given')}: {event.get('why')} {event.get('todo')}"
    if event.get("prepared"):
        return (
            "stopped",
            "Prepared, and not started yet: `accelerate launch` starts it, or resuming it on this machine.",
        )
    if event["kind"] == "stopped":
        when = f"at step {step}" if step else "before its first step"
        if event.get("now") and step:
            return "stopped", f"Stopped at once, {when}, as asked: it can be resumed from its last checkpoint."
        return "stopped", f"Stopped {when}, as asked. It can be resumed."
    reasons = {"early_stopping": "ended early: validation loss had stopped improving"}
    return "finished", reasons.get(str(event.get("reason")), "Finished")


def how_diverged(run: Run, known: Curves | None = None) -> str:
    """How the run diverged and what to train with instead, "" where it did not. `known`: the run as it was read."""
    found = next((each for each in summary(run, known)["advice"] if each["code"] == "diverged"), None)
    return f"{found['text']} Train again with {found['change']}." if found else ""


def caution(run: Run) -> str:
    """What to tell whoever talks to what the run left, "" where there is nothing to tell."""
    how = how_diverged(run)
    return how and f"This run diverged, so its replies may be worse than the base model's. {how}"


def log_tail(run: Run, lines: int = 200) -> str:
    """The last `lines` lines of train.log ("" where it cannot be read), reading at most its last 64 KiB."""
    try:
        with open(run.log_path, "rb", opener=regular) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 65536))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def summary(run: Run, known: Curves | None = None) -> dict[str, Any]:
    """The JSON that `sidetune train --json` ends with; null where a figure is not known (yet). `known`: as it was read.

    loss is the training loss of the last step, validation losses are means per trained token, before training and of
    the checkpoint that was kept. remarks are what was known before it trained, and advice is what `ft.runs.advice`
    found once it had ended.
    """
    curves = known or Curves.of(events.read(run))
    found, config = curves.told, run.config
    now = status(run, found)
    steps = [e for e in events.standing(found) if e["kind"] == "step"]
    validations = curves.validations()
    before = next((e["loss"] for e in validations if not e["step"]), None)
    after = [e for e in validations if e["step"]]
    end: dict[str, Any] = next((e for e in reversed(found) if e.get("best_step") is not None), {})
    best_step = end.get("best_step") or (min(after, key=itemgetter("loss"))["step"] if after else None)
    kept = next((e["loss"] for e in reversed(after) if e["step"] == best_step), None)
    data: dict[str, Any] = next((e for e in reversed(found) if e["kind"] == "data"), {})
    figures = {
        "run": run.id,
        "name": run.name,
        "status": now.state,
        "message": now.message,
        "dataset": config.dataset,
        "version": config.version,
        "model": config.train.model,
        "created": config.created.isoformat(timespec="seconds"),
        "step": now.step,
        "steps": now.steps,
        "seconds_left": now.seconds_left,
        "tokens_per_second": end.get("tokens_per_second") or (steps[-1].get("tokens_per_second") if steps else None),
        "trained_tokens": data.get("trained_tokens"),
        "loss": steps[-1].get("loss") if steps else None,
        "validation_loss_before": before,
        "validation_loss_after": kept,
        "best_step": best_step,
        "adapter": str(run.adapter) if os.path.exists(run.adapter) else None,
        "peak_memory_bytes": end.get("peak_memory_bytes")
        or max((e.get("memory_bytes") or 0 for e in steps), default=None),
    }
    figures["remarks"] = data.get("remarks", [])
    return {**figures, "advice": [each.as_json() for each in advise(curves, config.train, figures)]}
