"""One run at a time on one device: the others wait for the device's lock, in the order they were made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from ft import home
from ft.runs import directory, events
from ft.runs.directory import Run
from ft.runs.status import is_locked, status


@contextmanager
def device_lock(device: str, run: Run, waiting: Callable[[str], None], poll: float = 1.0) -> Iterator[None]:
    """Hold $SIDETUNE_HOME/locks/<device>.lock. While another run holds it, or an older one waits for it, call
    `waiting(id of the run in front)` every `poll` seconds; what it raises ends the wait."""
    home.locks_dir().mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.locks_dir() / f"{device}.lock")
    while True:
        front = _in_front(run)
        if not front:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                front = _holder(run)
        waiting(front)
        time.sleep(poll)
    try:
        yield
    finally:
        lock.release()


def _in_front(run: Run) -> str:
    """The oldest run that waits for the device and was made before `run` ("" where there is none)."""
    for other in reversed(directory.list_runs()):
        if other.id == run.id:
            return ""
        if is_locked(other) and status(other).state == "waiting":
            return other.id
    return ""


def _holder(run: Run) -> str:
    """The run that has the device: a live one that has done more than wait for it."""
    for other in directory.list_runs():
        if other.id != run.id and is_locked(other):
            told = events.read(other)
            if told and told[-1]["kind"] not in ("launched", "waiting"):
                return other.id
    return "another program"
