"""Reading runs again and again, each event once."""

from __future__ import annotations

import threading
from pathlib import Path

from ft.runs import events
from ft.runs.curves import Curves
from ft.runs.directory import Run


class Reader:
    """The curves of the runs that were asked for last, read on from where the last reading ended.

    Someone who looks at runs over and over owns one. Threads may share it: what it gives is not changed any more.
    """

    def __init__(self, kept: int = 32) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[int, Curves]] = {}  # (bytes read, what they said), the last asked for at the end

    def read(self, run: Run) -> Curves:
        """What the run has told up to now."""
        with self._lock:
            offset, curves = self._known.pop(run.path, (0, Curves()))
            found, end = events.read_from(run, offset)
            if found:
                curves = curves.copy()
                curves.add(found)
            self._known[run.path] = (end, curves)
            while len(self._known) > self._kept:
                del self._known[next(iter(self._known))]
            return curves
