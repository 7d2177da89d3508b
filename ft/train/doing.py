"""What a run does between its steps, told as it goes on: what takes long must not look like a run that hangs."""

from __future__ import annotations

import time

from ft.runs import events
from ft.runs.directory import Run
from ft.train.log import tell
from ft.train.ranks import rank

_A_PROGRESS = 2.0  # seconds


class Batches:
    """Tells `doing` events of work that goes by batches: its beginning at once, and in the log; then how far it is,
    every few seconds, for the page alone."""

    def __init__(self, run: Run, what: str) -> None:
        self._run, self._what = run, what
        self._told = 0.0

    def tell(self, batch: int, batches: int) -> None:
        """`batch` of `batches` begins; 1 is the first."""
        now = time.monotonic()
        if batch == 1:
            tell(self._run, "doing", what=self._what, batch=batch, batches=batches)
        elif now - self._told < _A_PROGRESS:
            return
        elif rank() == 0:
            events.append(self._run, "doing", what=self._what, batch=batch, batches=batches)
        self._told = now
