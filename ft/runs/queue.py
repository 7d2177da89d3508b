"""One run at a time on a device: the others wait for its lock, in a line whose order a person can change.

Who may go next is read at each poll, as `ft.runs.line` says; that no two go at once is the lock's doing alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ft import home
from ft.errors import UserError
from ft.files import remedy, remove, write_text
from ft.runs import launch
from ft.runs.directory import Run
from ft.runs.line import TRIAL, TRIAL_MARK, Line, Waiting, as_json, line
from ft.runs.status import status

__all__ = ["TRIAL", "Line", "Waiting", "as_json", "line"]  # of the line too, for whoever changes it
WHERE = ("first", "up", "down")
ANOTHER = "another program"  # what has the device, where it is no run and no trial


@contextmanager
def device_lock(
    devices: Sequence[str], run: Run, waiting: Callable[[str, int], None], poll: float = 1.0
) -> Iterator[None]:
    """Hold $SIDETUNE_HOME/locks/<device>.lock of all `devices`. While another has one, or a run waits that goes before
    `run`, call `waiting(who has it, how many runs go before)` every `poll` seconds; what it raises ends the wait.

    Who has it is the id of a run, "a trial", "another program", or "" where it goes from one to the next.
    """
    locks = [_lock(device) for device in devices]
    with ExitStack() as held:
        while True:
            using, before = line().standing(run, devices)
            if not before:
                try:
                    for lock in locks:
                        held.enter_context(lock.acquire(timeout=0))
                    break
                except Timeout:
                    held.close()  # all of them or none: two that each hold what the other wants would wait for ever
                    using = using or ANOTHER
            waiting(using, before)
            time.sleep(poll)
        yield


def is_free(devices: Sequence[str]) -> bool:
    """Whether nobody holds the lock of any of `devices` now."""
    with ExitStack() as held:
        try:
            for device in devices:
                held.enter_context(_lock(device).acquire(timeout=0))
        except Timeout:
            return False
    return True


@contextmanager
def trial_lock(device: str) -> Iterator[None]:
    """Hold the device's lock for a trial, which waits for nobody, and tell those who wait that it is one.

    Raises:
        Timeout: another has the device.
    """
    # A lock as well, not only a file: a trial that is killed has told nobody that it has gone.
    with (lock := _lock(device)).acquire(timeout=0), FileLock(Path(lock.lock_file).with_suffix(TRIAL_MARK)):
        yield


def move(run: Run, where: str) -> Line:
    """Let a run that waits go "first", or one place "up" or "down" (at an end of the line it stays). Gives the line.

    The runs up to the change get places before all the others, the first of them first: each is one rename, and
    whoever looks between two of them sees the new order's beginning and then the old order.

    Raises:
        UserError: no such direction; the run does not wait; another move is going on, or the disk is full.
    """
    if where not in WHERE:
        raise UserError(f"the direction {where!r}", "a run cannot be moved there.", f"Use one of {', '.join(WHERE)}.")
    home.locks_dir().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home.locks_dir() / "moves.lock", timeout=10):
            there = line().waiting
            old = _position(run, there)
            new = {"first": 0, "up": max(0, old - 1), "down": min(len(there) - 1, old + 1)}[where]
            ordered = [each.run for each in there]
            ordered.insert(new, ordered.pop(old))
            changed = ordered[: min(old, new) + 1] if old != new else []
            free = math.floor(there[0].order[0]) - len(changed)
            for number, each in enumerate(changed):
                _put(each, free + number)
            return line()
    except Timeout as error:
        raise UserError(f"run {run.title}", "another move has not ended yet.", "Try again.") from error
    except OSError as error:
        raise UserError(
            f"run {run.title}",
            f"its place could not be written: {error.strerror or error}.",
            f"{remedy(error)}, then try again.",
        ) from error


def cancel(run: Run) -> None:
    """Take a run that waits out of the line: it ends before its first step, and can be resumed later.

    Raises:
        UserError: the run does not wait (any more).
    """
    _position(run, line().waiting)
    launch.stop(run)


def _lock(device: str) -> FileLock:
    home.locks_dir().mkdir(parents=True, exist_ok=True)
    return FileLock(home.locks_dir() / f"{device}.lock")


def _position(run: Run, waiting: tuple[Waiting, ...]) -> int:
    for number, each in enumerate(waiting):
        if each.run.id == run.id:
            return number
    raise UserError(
        f"run {run.title}", f"it is {status(run).state}: it does not wait (any more).", "See `sidetune queue`."
    )


def _put(run: Run, place: int) -> None:
    if run.place_path.is_dir():
        remove(run.place_path)
    write_text(run.place_path, f"{place}\n")
