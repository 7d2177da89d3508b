"""events.jsonl: what happened in a run, one JSON object a line, only ever appended to.

A run of a hundred thousand steps has as many lines, so whoever asks for its state again and again uses `read_compact`.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ft.files import regular
from ft.runs.directory import Run, unreadable
from ft.runs.event_fields import usable

_APPENDING = threading.Lock()  # what one thread writes last must stay last
_UNSYNCED = frozenset({"step", "doing"})  # kinds that come often, and that a run that goes on takes again
_KEPT = 64  # runs that are remembered
_SEAM = 256  # bytes by which a file is known to be the one that was read before
LONGEST_LINE = 1 << 20  # bytes; the longest that a worker writes, the replies to probes, takes a hundredth of it


def append(run: Run, kind: str, **fields: Any) -> None:
    """Write one event, with the time (seconds since 1970) and `kind`, and see it to the disk with all that came before;
    but for a step, which would wait for the disk each time: only a machine that stops at once loses those since the
    last validation or checkpoint, and a run that goes on from there takes them again.

    A float that JSON cannot hold (NaN, infinity) is written as null.
    """
    with _APPENDING:
        _append(run, kind, fields)


def append_and_exit(run: Run, kind: str, exit_status: int, **fields: Any) -> NoReturn:
    """Write one event as `append` does, and end this process at once: no other thread of it writes anything after."""
    with _APPENDING:
        _append(run, kind, fields)
        os._exit(exit_status)


def _append(run: Run, kind: str, fields: dict[str, Any]) -> None:
    clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in fields.items()}
    line = json.dumps({"time": round(time.time(), 3), "kind": kind, **clean}) + "\n"
    with open(run.events_path, "ab+", opener=regular) as file:
        # A line torn by a killed process must not swallow this one.
        if file.tell() and (file.seek(-1, os.SEEK_END) or True) and file.read(1) != b"\n":
            line = "\n" + line
        file.write(line.encode())
        file.flush()
        if kind not in _UNSYNCED:
            os.fsync(file.fileno())


def read(run: Run) -> list[dict[str, Any]]:
    """All events so far, oldest first, as `usable` gives them; a torn or damaged line is left out.

    Raises:
        UserError: the file cannot be read.
    """
    return read_from(run, 0)[0]


class _Read(NamedTuple):
    """What a file said when it was read last: up to byte `end`, before which `seam` stood."""

    end: int
    seam: bytes
    found: list[dict[str, Any]]


_READING = threading.Lock()
_read: OrderedDict[Path, _Read] = OrderedDict()  # the last asked for at the end


def read_compact(run: Run) -> list[dict[str, Any]]:
    """As `read`, but of steps in a row only the last, with the most memory of them, and of what the run was doing
    between two steps ("doing") only what it does now: a few dozen events, however long the run. This process reads each
    line once.

    Raises:
        UserError: the file cannot be read.
    """
    with _READING:
        known = _read.pop(run.path, None)
        if known is None or _before(run, known.end) != known.seam:  # another file has its name by now
            known = _Read(0, b"", [])
        found, end = read_from(run, known.end)
        kept = known.found
        if found:
            kept = kept[:]  # whoever was given the list keeps it as it is
            compact(kept, found)
        _read[run.path] = _Read(end, _before(run, end) if end != known.end else known.seam, kept)
        while len(_read) > _KEPT:
            _read.popitem(last=False)
        return kept


def _before(run: Run, end: int) -> bytes:
    """What stands right before byte `end` of the file, b"" where it cannot be read."""
    try:
        with open(run.events_path, "rb", opener=regular) as file:
            file.seek(max(0, end - _SEAM))
            return file.read(min(end, _SEAM))
    except OSError:
        return b""


def compact(kept: list[dict[str, Any]], found: Iterable[dict[str, Any]]) -> None:
    """Add the events that came next to those that were kept so far, as `read_compact` says."""
    for event in found:
        if kept and kept[-1]["kind"] == "doing":
            kept.pop()
        if event["kind"] == "step" and kept and kept[-1]["kind"] == "step":
            most = max(kept.pop().get("memory_bytes") or 0, event.get("memory_bytes") or 0)
            event = {**event, "memory_bytes": most or None}
        kept.append(event)


def read_from(run: Run, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The events of the whole lines from byte `offset` on, and the offset behind them, for the next call.

    Raises:
        UserError: the file cannot be read.
    """
    found, end = [], offset
    try:
        with open(run.events_path, "rb", opener=regular) as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                end += len(line)
                if event := _event(line):
                    found.append(event)
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise unreadable(run, run.events_path.name, error.strerror or str(error)) from error
    return found, end


def _event(line: bytes) -> dict[str, Any] | None:
    if len(line) > LONGEST_LINE:
        return None
    try:
        return usable(json.loads(line))
    except (ValueError, RecursionError):
        return None


def standing(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`found` without the steps behind the checkpoint that a resumed run went back to: it takes those again. One that
    began again, without a checkpoint, does what comes before the first step again too."""
    kept: list[dict[str, Any]] = []
    for event in found:
        if event["kind"] == "started":
            last = event.get("step") or 0
            again = () if last else ("validation", "probe")
            kept = [each for each in kept if (each.get("step") or 0) <= last and each["kind"] not in again]
        kept.append(event)
    return kept
