"""Following a run from the terminal: one line of progress on standard error, and Ctrl-C asks the run to stop."""

from __future__ import annotations

import itertools
import sys
from typing import Any

from ft.cli.output import count, duration, note, plain
from ft.errors import UserError
from ft.runs import launch
from ft.runs.directory import Run


def follow(run: Run, shown: int = 0) -> bool:
    """Show the events of `run` as they come until it ends, but for the first `shown` of them.

    The first Ctrl-C asks the run to stop and waits for it, the second leaves it to itself.
    Returns False where it was left, True where it has ended.
    """
    line, asked = _Line(), False
    while True:
        try:
            for event in itertools.islice(launch.wait(run), shown, None):  # it tells all from the first each time
                line.show(event)
                shown += 1
            line.end()
            return True
        except KeyboardInterrupt:
            line.end()
            if asked:
                note(f"Left to itself. See: sidetune runs {run.id}   Stop it: sidetune stop {run.id}")
                return False
            asked = True
            try:
                launch.stop(run)
            except UserError:
                continue  # it has ended meanwhile: show how
            note("Asked the run to stop. It saves a checkpoint first; Ctrl-C again leaves it to itself.")


class _Line:
    """On a terminal each step is written over the last one; elsewhere there is a line at every tenth of the run."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._open = False
        self._tenth = -1
        self._steps = 0
        self._last = ""

    def show(self, event: dict[str, Any]) -> None:
        text = _text(event, self._steps)
        if event["kind"] == "started":
            self._steps = event.get("steps") or 0
        if not text or text == self._last:
            return
        if event["kind"] != "step":
            self.end()
            note(text)
        elif self._terminal:
            sys.stderr.write("\r\x1b[2K" + plain(text))
            sys.stderr.flush()
            self._open = True
        elif (tenth := event["step"] * 10 // max(1, self._steps)) != self._tenth:
            self._tenth = tenth
            note(text)
        self._last = text

    def end(self) -> None:
        """Leave the line that steps are written over."""
        if self._open:
            sys.stderr.write("\n")
            self._open = False


def _text(event: dict[str, Any], steps: int) -> str:
    kind = event["kind"]
    if kind == "waiting":
        return f"Waiting for the device: {event.get('behind')} is using it."
    if kind == "preparing":
        return str(event.get("what", "Preparing"))
    if kind == "data":
        return _data(event)
    if kind == "started":
        resumed = f", going on from step {event['resumed_from']}" if event.get("resumed_from") else ""
        return f"Training {count(event.get('steps') or 0, 'step')} on {event.get('device')}{resumed}."
    if kind == "validation" and event.get("loss") is not None:
        when = f"at step {event['step']}" if event["step"] else "before training"
        return f"Validation loss {event['loss']:.4f} {when}"
    if kind == "step":
        return _step(event, steps)
    return ""


def _data(event: dict[str, Any]) -> str:
    lost = [
        f"{event[key]:,} {words}"
        for key, words in (
            ("cut", "over-long cut at the end of a reply"),
            ("dropped", "over-long dropped"),
            ("no_trained", "without a reply to learn from left out"),
        )
        if event.get(key)
    ]
    return (
        f"{count(event.get('train') or 0, 'conversation')} to train on, {event.get('validation') or 0:,} held out; "
        f"{count(event.get('trained_tokens') or 0, 'token')} to learn{'; ' if lost else ''}{'; '.join(lost)}."
    )


def _step(event: dict[str, Any], steps: int) -> str:
    parts = [f"Step {event['step']}" + (f" of {steps}" if steps else "")]
    if event.get("loss") is not None:
        parts.append(f"loss {event['loss']:.4f}")
    if event.get("tokens_per_second"):
        parts.append(f"{event['tokens_per_second']:,.0f} tokens/s")
    if event.get("seconds_left") is not None:
        parts.append(f"{duration(event['seconds_left'])} left")
    return ", ".join(parts)
