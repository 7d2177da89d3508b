"""Untrusted files, read by processes with limits of memory and time: as many as there are cores, each at a part.

Where a part ends is guessed (`formats.part`), so that the next one can be read meanwhile. What is handed on is in
order, and the same for any number of processes: what follows a wrong guess is read again from where it truly begins.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import cast

import psutil

from formats.convert import LOOKED_AT
from formats.detect import Detection
from formats.json_problems import file_problem
from formats.notes import Notes
from formats.part import Part, Place
from formats.problems import RowProblem
from formats.reading import Reading
from ft.dataset.read_part import Batch, End, read_part
from ft.sandbox import Child, LimitReached, Limits

PART = 2 << 20  # bytes
MOST = 8  # processes: with more, the one that writes what they read is the slowest
_GUESSES = 3  # wrong ones: after that, the rest of a file is read in one piece
_WAITING = 32 << 20  # bytes of tables that wait for the part before
_SECONDS, _SECONDS_PER_MB = 120, 2  # of computing, for one part or file
_LEAST, _MOST = 768 << 20, 2 << 30  # bytes of memory for one process


def processes() -> int:
    """How many processes read at once: one for each core that this process may use, at most MOST."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST, cores)


@dataclass(slots=True)
class _Job:
    """A part that is read, or will be: from `start` (None: the beginning of the file) to the byte `until`.

    `before`: how many records stand before it that its own numbers leave out.
    """

    start: Place | None
    until: int
    before: int = 0
    child: Child | None = None
    batches: deque[Batch] = field(default_factory=deque)
    end: End | None = None
    failed: LimitReached | None = None

    @property
    def is_over(self) -> bool:
        return self.end is not None or self.failed is not None

    @property
    def waiting(self) -> int:
        return sum(batch.nbytes for batch in self.batches)


class Readers:
    """The processes that read. A context manager: they are gone once it is left.

    `count`: how many; None: as `processes` says.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count or processes()
        self._idle: list[Child] = []
        memory = psutil.virtual_memory().total // 4 // self._count
        self._memory = min(_MOST, max(_LEAST, memory))

    def read(self, path: Path, name: str, reading: Reading, fraction: float, notes: Notes) -> Iterator[Batch]:
        """The records of the file, converted, in order. What is worth telling of them is added to `notes`.

        A file that takes too much memory or time ends with a problem that says so; what was read before is kept.
        """
        limits = Limits(self._memory, _SECONDS + _SECONDS_PER_MB * path.stat().st_size / 1e6)
        yield from _File(self, path, name, reading, fraction, notes, limits).batches()

    @property
    def count(self) -> int:
        return self._count

    def take(self, limits: Limits) -> Child:
        """A process that has nothing to do."""
        while self._idle:
            child = self._idle.pop()
            if child.is_alive():
                child.limits = limits
                return child
            child.close()  # the system, or somebody, ended it while it had nothing to do
        return Child(limits)

    def give_back(self, child: Child) -> None:
        self._idle.append(child)

    def __enter__(self) -> Readers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            self._idle.pop().close()


class _File:
    """The reading of one file."""

    def __init__(
        self, readers: Readers, path: Path, name: str, reading: Reading, fraction: float, notes: Notes, limits: Limits
    ) -> None:
        self._readers, self._limits = readers, limits
        self._path, self._name, self._reading, self._fraction = path, name, reading, fraction
        self._notes = notes
        self._size = path.stat().st_size
        self._jobs: deque[_Job] = deque()  # in the order of the file
        self._next: Place | None = None  # where the next job begins
        self._wrong = 0
        self._read = 0  # records, of what was handed on

    def batches(self) -> Iterator[Batch]:
        self._jobs.append(_Job(None, PART))
        try:
            while self._jobs or self._next:
                self._assign()
                head = self._jobs[0]
                while head.batches:
                    batch = head.batches.popleft()
                    batch.move(self._name, head.before)
                    self._read += sum(read for read, _ in batch.counts.values())
                    self._notes.add(Notes(formats=batch.formats))
                    yield batch
                if head.failed is not None:
                    self._notes.formats.setdefault(self._name, Detection("", 0.0, "no record of it was read"))
                    yield Batch(problems=[self._beyond(head.failed)], counts={self._name: (1, 0)})
                    return
                if head.end is not None:
                    self._go_on_after(head, head.end)
                else:
                    self._receive()
        finally:
            self._drop_jobs()

    def _assign(self) -> None:
        """Plan as many parts as may be read ahead, and have each process that is free read one."""
        if self._next is not None:
            with self._path.open("rb") as file:
                while self._next is not None and len(self._jobs) < 2 * self._readers.count:
                    guess = None if self._wrong > _GUESSES else self._next.guess(file, self._next.offset + PART)
                    self._jobs.append(_Job(self._next, guess.offset if guess else self._size))
                    self._next = guess
        busy = sum(job.child is not None for job in self._jobs)
        for job in self._jobs:
            if busy >= self._readers.count:
                break
            if job.child is None and not job.is_over:
                job.child = self._readers.take(self._limits)
                part = Part(job.start, job.until, 0 if job.start else LOOKED_AT)
                notes = Notes(formats=dict(self._notes.formats))
                try:
                    job.child.begin(read_part, self._path, self._name, self._reading, self._fraction, part, notes)
                    busy += 1
                except LimitReached as error:
                    job.child.close()
                    job.child, job.failed = None, error

    def _receive(self) -> None:
        """Wait until a process has something to tell, and note it."""
        head = self._jobs[0]
        listened = {
            job.child.connection: job
            for job in self._jobs
            if job.child is not None and (job is head or job.waiting < _WAITING)
        }
        for connection in wait(list(listened)):
            job = listened[cast(Connection, connection)]
            child = cast(Child, job.child)
            try:
                _, value = child.receive()
                if isinstance(value, Batch):
                    job.batches.append(value)
                    continue
                child.receive()  # nothing comes after the end of the part
            except LimitReached as error:
                job.failed = error
                child.close()
            else:
                job.end = value
                self._readers.give_back(child)
            job.child = None

    def _go_on_after(self, head: _Job, end: End) -> None:
        """The first part has been handed on: see where the next one truly begins."""
        end.move(self._name, head.before)
        self._notes.add(end.notes)
        self._jobs.popleft()
        place = end.stopped and replace(end.stopped, number=end.stopped.number + head.before)
        guessed = self._jobs[0].start if self._jobs else None
        if place and guessed and place.goes_on_as(guessed):
            self._jobs[0].before = place.number - guessed.number
        else:
            self._wrong += guessed is not None
            self._drop_jobs()
            self._next = place

    def _drop_jobs(self) -> None:
        for job in self._jobs:
            if job.child is not None:
                job.child.close()
        self._jobs.clear()
        self._next = None

    def _beyond(self, error: LimitReached) -> RowProblem:
        where = f"after record {self._read}" if self._read else "in it"
        problem = f"reading it {error.words}, which is the limit for one file; what follows {where} was not read."
        return file_problem(self._name, "limit", problem, "Split it into smaller files, or look at what is in it.")
