"""A process that must not outlive the one it works for, or a person's word that it is to stop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import psutil

from ft.runs import events
from ft.runs.directory import Run
from ft.runs.stopping import end_children, is_asked, is_asked_now
from ft.train.ranks import processes, rank

_POLL_SECONDS = 0.5


def end_unless(wanted: Callable[[], bool]) -> None:
    """Watch from a thread, and end this process at once when it is not `wanted` any more."""

    def watch() -> None:
        while wanted():
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def end_when_stopped(run: Run) -> None:
    """Watch from a thread, and end this process at once when the run is to stop and has nothing to save: before it has
    told a step, whatever a library loads or fetches then; or at any time where nothing is to be saved.

    Of several processes the first does this, and whoever started them ends the others.
    """

    def watch() -> None:
        stepped = False  # once it has, it need not be read again: the events of a long run are long
        while not is_asked_now(run):
            if is_asked(run) and not (stepped := stepped or _has_stepped(run)):
                break
            time.sleep(_POLL_SECONDS)
        end_children(psutil.Process())  # a chat template that never ends would go on without anybody
        events.append_and_exit(run, "stopped", int(processes() > 1), step=0, now=is_asked_now(run))

    if rank() == 0:
        threading.Thread(target=watch, daemon=True).start()


def _has_stepped(run: Run) -> bool:
    """Whether the newest process of the run has told a step."""
    for event in reversed(events.read_compact(run)):
        if event["kind"] in ("step", "launched"):
            return bool(event["kind"] == "step")
    return False
