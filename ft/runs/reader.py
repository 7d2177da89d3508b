"""Reading runs again and again, each event once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ft.runs import events, status
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
        self._ended: dict[Path, tuple[object, dict[str, Any]]] = {}  # (what it hangs on, the summary) of ended runs

    def read(self, run: Run) -> Curves:
        """What the run has told up to now.

        Raises:
            UserError: its events cannot be read.
        """
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

    def summary(self, run: Run) -> dict[str, Any]:
        """As `ft.runs.status.summary`; that of a run which has ended is worked out again only once it has told more, is
        called otherwise, or its adapter came or went.

        Raises:
            UserError: its events cannot be read.
        """
        try:
            size = run.events_path.stat().st_size
        except OSError:  # it has told nothing yet, or else `read` says what is wrong
            size = 0
        now = size, run.name, run.adapter.exists()
        known = self._ended.get(run.path)
        if known and known[0] == now:
            return known[1]
        found = status.summary(run, self.read(run))
        if found["status"] in status.LIVE:
            self._ended.pop(run.path, None)
        else:
            self._ended[run.path] = now, found
        return found
