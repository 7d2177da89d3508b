"""Who has a device and who waits for one, read from the runs' directories and locks.

The order is that of the start, so a run that is resumed joins at the end, as in any other queue. One that was moved has
its place as a number in a file of its directory, on the same scale (seconds since 1970), until it is started again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ft import home
from ft.errors import UserError
from ft.files import regular
from ft.runs import directory, events
from ft.runs.directory import Run
from ft.runs.status import Status, is_held, is_locked, is_recent, status

TRIAL = "a trial"  # what has the device, where it is no run
TRIAL_MARK = ".trial"  # how the lock is called that a trial holds beside the device's
BEFORE_WORK = frozenset({"launched", "waiting", "stopped", "failed"})  # kinds of event of a run that had no device yet
_NUMBER = re.compile(rb"-?\d{1,15}")


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
        order = _order(run, events.read_compact(run))
        ahead = [each for each in self.waiting if each.now.state == "waiting" and each.order < order]
        return [each.run for each in ahead if self._share(each.run, run)]

    def ahead_of(self, run: Run) -> list[Run]:
        """As `before`, with those whose process is on its way: for whoever is to start the next one."""
        mine = next(
            (each.order for each in self.waiting if each.run.id == run.id), _order(run, events.read_compact(run))
        )
        return [each.run for each in self.waiting if each.order < mine and self._share(each.run, run)]

    def user(self, run: Run) -> Run | None:
        """The run that has a device that `run` wants."""
        return next((each for each in self.using if self._share(each, run)), None)

    def ahead(self, devices: Collection[str]) -> Run | None:
        """A run that has one of `devices`, or waits for it."""
        there = [*self.using, *(each.run for each in self.waiting)]
        return next((run for run in there if not (mine := self.devices[run.id]) or mine & set(devices)), None)

    def wanted(self, device: str) -> bool:
        """Whether a run or a trial has the device, or a run waits for it."""
        return device in self.trials or self.ahead({device}) is not None

    def standing(self, run: Run, devices: Collection[str]) -> tuple[str, int]:
        """(who has one of `devices`, how many runs go before `run`): the id of a run, "a trial", or "" where none is
        known."""
        user = self.user(run)
        using = user.id if user else TRIAL if self.trials & set(devices) else ""
        return using, len(self.before(run))

    def _share(self, one: Run, other: Run) -> bool:
        """Whether both want the same device, or may."""
        mine, theirs = (self.devices.get(each.id, frozenset()) for each in (one, other))
        return one.id != other.id and (not mine or not theirs or bool(mine & theirs))


def line() -> Line:
    """Who has a device and who waits for one, now."""
    using, waiting, devices = [], [], {}
    for run in directory.list_runs():
        locked = is_locked(run)
        if not locked and not _lately_told(run):
            continue  # it is over: most are, and their events are long
        try:
            found = events.read_compact(run)
            now = status(run, found)
            order = _order(run, found)
        except (FileNotFoundError, UserError):
            continue  # deleted meanwhile, or damaged
        devices[run.id] = wanted_devices(found)
        if locked and not {event["kind"] for event in found[newest_launch(found) :]} <= BEFORE_WORK:
            using.append(run)
        elif now.live and now.state != "stopping":
            waiting.append(Waiting(run, now, order))
    trials = frozenset(mark.stem for mark in home.locks_dir().glob(f"*{TRIAL_MARK}") if is_held(mark))
    return Line(tuple(using), tuple(sorted(waiting, key=lambda each: each.order)), devices, trials)


def as_json(now: Line) -> dict[str, Any]:
    """The JSON of `sidetune queue --json`: {"using": [run], "trials": [device], "waiting": [{"run", "place", ...}]}."""
    return {
        "using": [run.id for run in now.using],
        "trials": sorted(now.trials),
        "waiting": [
            {
                "run": each.run.id,
                "name": each.run.name,
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


def wanted_devices(found: list[dict[str, Any]]) -> frozenset[str]:
    """The keys of the devices that a run with these events was started for last."""
    return frozenset(found[newest_launch(found)].get("devices", ())) if found else frozenset()


def newest_launch(found: list[dict[str, Any]]) -> int:
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
        with open(run.place_path, "rb", opener=regular) as file:
            text = file.read(20).strip()
    except OSError:
        return None
    return int(text) if _NUMBER.fullmatch(text) else None


def _lately_told(run: Run) -> bool:
    """Whether an event was written so lately that its process may still be on its way."""
    try:
        return is_recent(run.events_path.stat().st_mtime)
    except OSError:
        return False
