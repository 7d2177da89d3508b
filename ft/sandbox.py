"""Work on what strangers gave, in a process of its own with limits of memory and time: nothing that it is fed can stop
the app. The limits are the operating system's (setrlimit), so they also hold inside a library.

    for value in sandbox.stream(Limits(memory_bytes=1 << 30, cpu_seconds=60), work, path): ...

`work` is a generator function that a module (not the program's main file) has at its top; its arguments and what it
yields are pickled. The processes are forked off a server that has imported the readers once, so that one costs about a
hundredth of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import util
from multiprocessing.connection import Connection
from types import ModuleType, TracebackType
from typing import Any, Literal, TypeVar

import psutil

_PRELOADED = ["ft.dataset.preloaded"]  # by name: it stands on a floor above
_END_SECONDS = 5.0
_SHORT, _LONGEST_PATH = "/tmp", 50
_POLL_SECONDS = 0.1

_STARTING = threading.Lock()

Value = TypeVar("Value")
Reason = Literal["memory", "time", "waited", "crash"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may take: bytes of memory beyond those that it begins with, seconds of a CPU for a task, and
    seconds in which others may have to wait for it (None: however long that is on a busy machine)."""

    memory_bytes: int
    cpu_seconds: float
    seconds: float | None = None


class LimitReached(Exception):
    """The process did not get to the end of its task: it reached a limit, or died ("crash")."""

    def __init__(self, reason: Reason, limits: Limits) -> None:
        self.reason, self.limits = reason, limits
        super().__init__(self.words)

    @property
    def words(self) -> str:
        """What happened, to stand after "it" in a sentence: "took more than 2.0 GB of memory"."""
        if self.reason == "memory":
            return f"took more than {self.limits.memory_bytes / 1e9:.1f} GB of memory"
        if self.reason == "time":
            return f"took more than {self.limits.cpu_seconds:,.0f} seconds of computing"
        if self.reason == "waited":
            return f"took more than {self.limits.seconds or 0:,.0f} seconds"
        return "ended the process that worked on it"


class Child:
    """A process that does one task after another. A context manager: the process is gone once it is left.

    `limits`: those of the next task; its memory is limited by those that it was started with.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._until: float | None = None
        place_socket()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, limits.memory_bytes, tempfile.gettempdir()), daemon=True
        )
        with _main_set_aside():
            self._process.start()
        theirs.close()

    def begin(self, work: Callable[..., Iterator[Any]], *args: Any) -> None:
        """Hand out a task. `receive` then gives what `work(*args)` yields; its end comes before the next task."""
        self._until = None if self.limits.seconds is None else time.monotonic() + self.limits.seconds
        try:
            self.connection.send((self.limits.cpu_seconds, work, args))
        except OSError as error:
            raise self._reason() from error

    def receive(self) -> tuple[bool, Any]:
        """(True, the next value of the task), or (False, None) at its end. Waits for it.

        Raises:
            LimitReached: the process reached a limit or died. It can do no further task.
            what `work` raises.
        """
        while self._until is not None and not self.is_heard(_POLL_SECONDS):
            pass
        try:
            what, value = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._reason() from error
        if what == "error":
            raised, where = value
            raise raised from RuntimeError(f"in another process:\n{where}")
        if what == "memory":
            raise LimitReached("memory", self.limits)
        return what == "value", value

    def answers(
        self, work: Callable[..., Iterator[Value]], *args: Any, heed: Callable[[], None] | None = None
    ) -> Iterator[Value]:
        """What `work(*args)` yields; it can do another task only after the last of it. `heed` is called ten times a
        second and for each value; what it raises is passed on.

        Raises:
            LimitReached: it reached a limit or died; what it yielded before has been given.
            what `work` raises.
        """
        self.begin(work, *args)
        while True:
            if heed:
                heed()
                while not self.is_heard(_POLL_SECONDS):
                    heed()
            more, value = self.receive()
            if not more:
                return
            yield value

    def is_heard(self, seconds: float) -> bool:
        """Whether the task has something to tell, or its process has ended, within so many seconds.

        Raises:
            LimitReached: it has taken longer than it may.
        """
        if self.connection.poll(seconds):
            return True
        if self._until is not None and time.monotonic() > self._until:
            self.close()
            raise LimitReached("waited", self.limits)
        return False

    def is_alive(self) -> bool:
        """Whether it can still be given a task."""
        return self._process.is_alive()

    def memory_bytes(self) -> int:
        """What it holds now; 0 where it has ended."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def close(self) -> None:
        """End the process, whatever it does."""
        self.connection.close()
        self._process.kill()
        self._process.join(_END_SECONDS)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reason(self) -> LimitReached:
        self._process.join(_END_SECONDS)
        ended = -(self._process.exitcode or 0)
        reasons: dict[int, Reason] = {signal.SIGXCPU: "time", signal.SIGKILL: "memory"}  # the system's own choice, too
        return LimitReached(reasons.get(ended, "crash"), self.limits)


@contextmanager
def _main_set_aside() -> Iterator[None]:
    """Each process that is started would run this program's main file once more, which takes most of a second."""
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def place_socket() -> None:
    """Have the server's socket among temporary files as they lie now, but where its path is short: it may have some 100
    bytes, and they may lie deep in the home."""
    before = tempfile.tempdir
    if len(tempfile.gettempdir()) > _LONGEST_PATH and os.path.isdir(_SHORT):
        tempfile.tempdir = _SHORT
    try:
        util.get_temp_dir()  # made once, and remembered
    finally:
        tempfile.tempdir = before


def stream(
    limits: Limits, work: Callable[..., Iterator[Value]], *args: Any, heed: Callable[[], None] | None = None
) -> Iterator[Value]:
    """What `work(*args)` yields, worked out in a process of its own; closing the iterator ends that process.

    `heed` is called ten times a second and for each value; what it raises ends the process, and is passed on.

    Raises:
        LimitReached: it reached a limit or died; what it yielded before has been given.
        what `work` raises.
    """
    with Child(limits) as child:
        yield from child.answers(work, *args, heed=heed)


def _serve(connection: Connection, memory_bytes: int, temporary: str) -> None:
    """The process: does tasks until whoever gives them is gone. Its temporary files lie in the folder of the asker's,
    who removes what it leaves where it is killed."""
    tempfile.tempdir = temporary
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asker's, which then ends this process
    _limit_memory(memory_bytes)
    with suppress(EOFError, OSError):
        while True:
            seconds, work, args = connection.recv()
            _limit_time(seconds)
            for message in _messages(work, args):
                connection.send_bytes(_packed(message))
                if message[0] == "memory":
                    return


def _packed(message: tuple[str, Any]) -> bytes:
    try:
        packed = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        if message[0] == "error":
            pickle.loads(packed)  # many an exception can be packed, and not made again
        return packed
    except MemoryError:
        return pickle.dumps(("memory", None))
    except Exception as error:  # nested too deeply, or an exception that cannot be passed on
        told = message[1][0] if message[0] == "error" else error
        where = message[1][1] if message[0] == "error" else traceback.format_exc()
        return pickle.dumps(("error", (RuntimeError(f"{type(told).__name__}: {told}"), where)))


def _messages(work: Callable[..., Iterator[Any]], args: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    try:
        for value in work(*args):
            yield "value", value
    except MemoryError:
        yield "memory", None
    except Exception as error:  # raised again where the task came from, with this traceback
        yield "error", (error, traceback.format_exc())
    else:
        yield "end", None


def _limit_memory(beyond: int) -> None:
    limit = psutil.Process().memory_info().vms + beyond
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
