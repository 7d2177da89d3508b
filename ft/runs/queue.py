"""One run at a time on a device: the others wait for its lock, in a line whose order a person can change.

The order is that of the start, so a run that is resumed joins at the end, as in any other queue. One that was moved has
its place as a number in a file of its directory, on the same scale (seconds since 1970), until it is started again. Who
may go next is read from these files at each poll; that no two go at once is the lock's doing alone.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ft import home
from ft.errors import UserError
from ft.files import remove, write_text
from ft.runs import directory, events, launch
from ft.runs.directory import Run
from ft.runs.status import Status, is_held, is_locked, is_recent, status

WHERE = ("first", "up", "down")
TRIAL = "a trial"  # what has the device, where it is no run
_MARK = ".trial"  # how the lock is called that a trial holds beside the device's
_NUMBER = re.compile(rb"-?\d{1,15}")
_BEFORE_WORK = frozenset({"launched", "waiting", "stopped", "failed"})  # kinds of event of a run that had no device yet


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits, or whose process is on its way; `order` sorts them."""

    run: Run
    now: Status
    order: tuple[float, float, str]


@dataclass(frozen=True, slots=True)
class Line:
    """`using`: the runs that have a device (none: a trial, another program, or nobody); `waiting`: who is next comes
    first.

    `devices`: the keys of those that a run was started for, by its id; none where that is not known. `trials`: the keys
    of those that a trial has.
    """

    using: tuple[Run, ...]
    waiting: tuple[Waiting, ...]
    devices: Mapping[str, frozenset[str]]
    trials: frozenset[str] = frozenset()

    def before(self, run: Run) -> list[Run]:
        """The runs that wait for a device that `run` wants too and go before it, the next one first; those whose
        process is not up hold up nobody."""
        order = _order(run, events.read(run))
        ahead = [each for each in self.waiting if each.now.state == "waiting" and each.order < order]
        return [each.run for each in ahead if self._share(each.run, run)]

    def user(self, run: Run) -> Run | None:
        """The run that has a device that `run` wants."""
        return next((each for each in self.using if self._share(each, run)), None)

    def ahead(self, devices: Collection[str]) -> Run | None:
        """A run that has one of `devices`, or waits for it."""
        there = [*self.using, *(each.run for each in self.waiting)]
        return next((run for run in there if not (mine := self.devices[run.id]) or mine & set(devices)), None)

    def _share(self, one: Run, other: Run) -> bool:
        """Whether both want the same device, or may."""
        mine, theirs = (self.devices.get(each.id, frozenset()) for each in (one, other))
        return one.id != other.id and (not mine or not theirs or bool(mine & theirs))


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
            now = line()
            before, user = now.before(run), now.user(run)
            using = user.id if user else TRIAL if now.trials & set(devices) else ""
            if not before:
                try:
                    for lock in locks:
                        held.enter_context(lock.acquire(timeout=0))
                    break
                except Timeout:
                    held.close()  # all of them or none: two that each hold what the other wants would wait for ever
                    using = using or "another program"
            waiting(using, len(before))
            time.sleep(poll)
        yield


@contextmanager
def trial_lock(device: str) -> Iterator[None]:
    """Hold the device's lock for a trial, which waits for nobody, and tell those who wait that it is one.

    Raises:
        Timeout: another has the device.
    """
    # A lock as well, not only a file: a trial that is killed has told nobody that it has gone.
    with (lock := _lock(device)).acquire(timeout=0), FileLock(Path(lock.lock_file).with_suffix(_MARK)):
        yield


def line() -> Line:
    """Who has a device and who waits for one, now."""
    using, waiting, devices = [], [], {}
    for run in directory.list_runs():
        locked = is_locked(run)
        if not locked and not _lately_told(run):
            continue  # it is over: most are, and their events are long
        try:
            found = events.read(run)
            now = status(run, found)
            order = _order(run, found)
        except (FileNotFoundError, UserError):
            continue  # deleted meanwhile, or damaged
        devices[run.id] = frozenset(found[_launch(found)].get("devices", ())) if found else frozenset()
        if locked and not {event["kind"] for event in found[_launch(found) :]} <= _BEFORE_WORK:
            using.append(run)
        elif now.live and now.state != "stopping":
            waiting.append(Waiting(run, now, order))
    trials = frozenset(mark.stem for mark in home.locks_dir().glob(f"*{_MARK}") if is_held(mark))
    return Line(tuple(using), tuple(sorted(waiting, key=lambda each: each.order)), devices, trials)


def as_json(now: Line) -> dict[str, Any]:
    """The JSON of `sidetune queue --json`: {"using": [run], "trials": [device], "waiting": [{"run", "place", ...}]}."""
    return {
        "using": [run.id for run in now.using],
        "trials": sorted(now.trials),
        "waiting": [
            {
                "run": each.run.id,
                "place": place,
                "status": each.now.state,
                "message": each.now.message,
                "dataset": each.run.config.dataset,
                "version": each.run.config.version,
                "model": each.run.config.train.model,
            }
            for place, each in enumerate(now.waiting, 1)
        ],
    }


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
        raise UserError(f"run {run.id}", "another move has not ended yet.", "Try again.") from error
    except OSError as error:
        raise UserError(
            f"run {run.id}",
            f"its place could not be written: {error.strerror or error}.",
            "Free disk space, try again.",
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
        f"run {run.id}", f"it is {status(run).state}: it does not wait (any more).", "See `sidetune queue`."
    )


def _launch(found: list[dict[str, Any]]) -> int:
    """Where among the events its newest process begins."""
    return max((number for number, event in enumerate(found) if event["kind"] == "launched"), default=0)


def _order(run: Run, found: list[dict[str, Any]]) -> tuple[float, float, str]:
    created = run.config.created.timestamp()
    started = next((event["time"] for event in reversed(found) if event["kind"] == "launched"), created)
    place = _place(run)
    return started if place is None else place, created, run.id


def _place(run: Run) -> int | None:
    """What is in its file `place`; None where there is none, or a damaged one."""
    try:
        with run.place_path.open("rb") as file:
            text = file.read(20).strip()
    except OSError:
        return None
    return int(text) if _NUMBER.fullmatch(text) else None


def _put(run: Run, place: int) -> None:
    if run.place_path.is_dir():
        remove(run.place_path)
    write_text(run.place_path, f"{place}\n")


def _lately_told(run: Run) -> bool:
    """Whether an event was written so lately that its process may still be on its way."""
    try:
        return is_recent(run.events_path.stat().st_mtime)
    except OSError:
        return False
