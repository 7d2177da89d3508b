"""Following a run from the terminal: one line of progress on standard error, and Ctrl-C asks the run to stop."""

from __future__ import annotations

import itertools
import sys
from typing import Any

from ft.cli.output import note, plain
from ft.errors import UserError
from ft.runs import launch
from ft.runs.directory import Run
from ft.runs.words import words


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
            note(
                "Asked the run to stop. It saves a checkpoint first; Ctrl-C again leaves it to itself. "
                f"End it at once, without saving: sidetune stop {run.id} --now"
            )


class _Line:
    """On a terminal each step, and each batch of a validation, is written over the last one; elsewhere there is a line
    at every tenth of the run."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._open = False
        self._tenth = -1
        self._last = ""

    def show(self, event: dict[str, Any]) -> None:
        text = words(event)
        if not text or text == self._last:
            return
        is_step = event["kind"] == "step"
        if not is_step and (event.get("batch") or 1) == 1:
            self.end()
            note(text)
        elif self._terminal:
            sys.stderr.write("\r\x1b[2K" + plain(text))
            sys.stderr.flush()
            self._open = True
        elif is_step and (tenth := event["step"] * 10 // max(1, event.get("steps") or 1)) != self._tenth:
            self._tenth = tenth
            note(text)
        self._last = text

    def end(self) -> None:
        """Leave the line that steps are written over."""
        if self._open:
            sys.stderr.write("\n")
            self._open = False
