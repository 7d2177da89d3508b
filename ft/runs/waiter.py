"""The process that waits for all runs in line: `python -m ft.runs.waiter`. One that waits costs no process of its own.

It holds the lock of each, tells who goes before, heeds those that are to stop, and starts the worker of the one whose
device is free, to which it hands the run's lock. It outlives whoever started it, and ends when nobody waits any more.
Where it is killed, its runs are as those whose worker was: interrupted, and to be resumed.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from filelock import FileLock, Timeout

from ft.errors import UserError
from ft.files import regular, remedy
from ft.models import device
from ft.models.device import Device
from ft.runs import directory, events, launch
from ft.runs.directory import Run
from ft.runs.line import Line, line
from ft.runs.queue import ANOTHER, is_free
from ft.runs.status import is_recent
from ft.runs.words import words

POLL_SECONDS = 1.0


@dataclass
class _Held:
    """A run that waits; `lock` is the descriptor that holds its lock, `any_of` the GPUs that will do, `said` what was
    told last."""

    run: Run
    lock: int
    devices: list[str]
    any_of: tuple[Device, ...] = ()
    said: tuple[str, int] = ("", -1)


def main() -> int:
    """Wait for the runs in line until there are none."""
    lock = FileLock(launch.waiter_lock())
    while True:
        try:
            with lock.acquire(timeout=0):
                _wait()
        except Timeout:
            return 0  # whoever holds it looks again once it has let go
        if not any(_left()):
            return 0


def _wait() -> None:
    held: dict[str, _Held] = {}
    while True:
        held |= {each.run.id: each for each in map(_take, _left()) if each is not None}
        if not held:
            return
        now = line()
        places = {each.run.id: place for place, each in enumerate(now.waiting)}
        for each in sorted(held.values(), key=lambda each: places.get(each.run.id, len(places))):
            try:
                goes_on = _step(each, now)
            except (UserError, OSError) as error:  # its folder is gone or damaged: no other has to suffer for it
                print(f"{each.run.id}: {error}", file=sys.stderr)
                _tell(each.run, error)
                goes_on = False
            if not goes_on:
                os.close(held.pop(each.run.id).lock)  # a worker that was started holds it too
        time.sleep(POLL_SECONDS)


def _left() -> Iterator[Run]:
    """The runs that were left to a waiter of this kind a moment ago, and that nobody has taken up yet."""
    for run in directory.list_runs():
        with suppress(UserError, OSError):
            if is_recent(run.events_path.stat().st_mtime):
                # Of a run that was held once, another event is the newest.
                newest: dict[str, Any] = next(reversed(events.read_compact(run)), {})
                if newest.get("kind") == "launched" and newest.get("waiter") == launch.waits_for():
                    yield run


def _take(run: Run) -> _Held | None:
    lock = os.open(run.lock_path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        any_of = () if run.config.train.gpus else device.gpus()
        return _Held(run, lock, [each.key for each in launch.announced(run)], any_of)
    except (OSError, UserError):
        os.close(lock)
        return None


def _step(each: _Held, now: Line) -> bool:
    """Do for one run what there is to do now: whether it waits on."""
    if each.run.stop_path.exists():
        events.append(each.run, "stopped", step=0)
        return False
    using, _ = now.standing(each.run, each.devices)
    before = len(now.ahead_of(each.run))
    if not before:
        if is_free(each.devices):
            launch.work(each.run, each.lock)
            return False
        using = using or ANOTHER
    if each.any_of and (free := launch.spare(each.any_of, line())):
        events.append(each.run, "launched", devices=[free.key])
        launch.work(each.run, each.lock)
        return False
    if (using, before) != each.said:
        each.said = using, before
        events.append(each.run, "waiting", behind=using, before=before)
        _log(each.run, words({"kind": "waiting", "behind": using, "before": before}))
    return True


def _tell(run: Run, error: UserError | OSError) -> None:
    """Write down in the run why it was not started, where that can be."""
    if not isinstance(error, UserError):
        why = f"it could not be started: {error.strerror or error}."
        error = UserError(f"run {run.title}", why, f"{remedy(error)}, then resume it.")
    with suppress(UserError, OSError):
        events.append(run, "failed", given=error.given, why=error.why, todo=error.todo)


def _log(run: Run, text: str) -> None:
    with open(run.log_path, "a", encoding="utf-8", opener=regular) as log:
        log.write(f"{datetime.now():%H:%M:%S}  {text}\n")


if __name__ == "__main__":
    sys.exit(main())
