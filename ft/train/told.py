"""Work on a run whose failures become the run's `failed` event, in words that say what to do."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
from filelock import FileLock, Timeout
from safetensors import SafetensorError

from ft.errors import UserError
from ft.files import remedy
from ft.models.memory import out_of_memory
from ft.runs import events
from ft.runs.directory import Run
from ft.runs.launch import LOCK
from ft.runs.status import ENDS, is_locked
from ft.train.log import tell
from ft.train.ranks import STARTED_BY, processes, rank

_FIRST_SPEAKS = 3.0  # seconds: so long the others of several processes wait for the first to tell what befell them all
_TOGETHER = 60.0  # seconds within which processes begin that are started together, on several machines


class StoppedEarlyError(Exception):
    """The run was told to stop before its process had taken a step: there is nothing to save."""


class ToldAlreadyError(Exception):
    """The work ended, and the run's events say why."""


@contextmanager
def run_lock(run: Run) -> Iterator[bool]:
    """Hold the run's lock, which says that the run is alive, until the process is gone, however it goes.

    False, and a word on standard error, where another process holds it. One that a waiter started has it already.
    """
    if os.environ.pop(LOCK, ""):
        yield True
        return
    lock = FileLock(run.lock_path)
    try:
        lock.acquire(timeout=5)
    except Timeout:
        print(f"Another process is already training {run.id}.", file=sys.stderr)
        yield False
        return
    with lock:
        yield True


def told(run: Run, work: Callable[[], None]) -> int:
    """Do the work; what stands in its way is told. Returns the exit status: 0 finished or stopped, 1 failed."""
    try:
        work()
        return 0
    except StoppedEarlyError:
        tell(run, "stopped", step=0)
        return 0
    except ToldAlreadyError:
        pass
    except UserError as error:
        _failed(run, error.given, error.why, error.todo)
        print(f"error: {error}", file=sys.stderr)
    except Exception as error:  # whatever a library raises: a run never ends without a word
        traceback.print_exc()
        file = getattr(error, "filename", None)
        if out_of_memory(error):
            _out_of_memory(run)
        elif isinstance(error, SafetensorError) or (isinstance(error, OSError) and file):
            _failed(
                run,
                str(file or "a file of weights"),
                f"it could not be read or written: {getattr(error, 'strerror', None) or error}.",
                f"{remedy(error)}, then resume the run: its checkpoints are kept.",
            )
        else:
            _bug(run, error)
    return 1


def is_told(run: Run) -> bool:
    """Whether what has just befallen this process is told already, or is not its to tell, where it is one of several.

    What befalls one of them befalls the others a moment later, as a lost connection.
    """
    if processes() == 1:
        return False
    if rank():
        time.sleep(_FIRST_SPEAKS)
    found = events.read_compact(run)
    if not is_locked(run) or found[-1]["kind"] in {*ENDS, "smaller_batch"}:
        return True  # the process that holds the lock for all was killed, or another was quicker
    began = psutil.Process().create_time()
    launched = max((event["time"] for event in found if event["kind"] == "launched"), default=began)
    # Started by hand while others train the run, whose first process holds the lock.
    return STARTED_BY not in os.environ and launched < began - _TOGETHER


def _failed(run: Run, given: str, why: str, todo: str) -> None:
    if not is_told(run):
        events.append(run, "failed", given=given, why=why, todo=todo)


def _out_of_memory(run: Run) -> None:
    _failed(
        run,
        f"one conversation at a time of up to {run.config.train.max_length} tokens",
        "it needs more memory than there is.",
        "Lower the maximum length, train fewer layers or a lower rank, or choose a smaller base model.",
    )


def _bug(run: Run, error: Exception) -> None:
    _failed(
        run,
        "the training process",
        f"it met an error that is not of your making: {type(error).__name__}: {str(error)[:300]}",
        "See the log for the traceback; resume the run, or report it.",
    )
