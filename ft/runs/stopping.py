"""How a run is asked to end: at the end of its step with a checkpoint (`ft.runs.launch.stop`), or at once.

The request is the file `stop` in the run's folder; it holds `NOW` where the worker is not to save anything first.
"""

from __future__ import annotations

import time
from contextlib import suppress

import psutil

from ft.errors import UserError
from ft.files import read_bytes, write_text
from ft.runs import events
from ft.runs.directory import Run
from ft.runs.status import is_locked, status

NOW = "now"
_OBEYS_SECONDS = 5.0  # a worker that has not ended by then is killed


def is_asked(run: Run) -> bool:
    """Whether somebody has asked the run to stop."""
    return run.stop_path.exists()


def is_asked_now(run: Run) -> bool:
    """Whether it is to end at once, without saving."""
    try:
        return read_bytes(run.stop_path).decode() == NOW
    except (OSError, ValueError):
        return False


def stop_now(run: Run) -> None:
    """End the run's worker at once, and return when it is gone: its last checkpoint is what the run can go on from.

    A worker that does not obey is killed.

    Raises:
        UserError: the run is not going, or its process is on another machine and does not end.
    """
    now = status(run)
    if not now.live:
        raise UserError(f"run {run.title}", f"it is {now.state}, so there is nothing to stop.", "See `sidetune runs`.")
    write_text(run.stop_path, NOW)
    deadline = time.monotonic() + _OBEYS_SECONDS
    while status(run).live:
        if time.monotonic() > deadline:
            _kill(run)
            return
        time.sleep(0.1)


def end_children(process: psutil.Process) -> None:
    """Kill all processes that it started, and those that they did."""
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _kill(run: Run) -> None:
    """Kill the processes that work on the run, and tell that it stopped.

    Raises:
        UserError: there are none on this machine, and still the run's lock is held.
    """
    workers = [each for each in psutil.process_iter(["cmdline"]) if _works_on(run, each.info["cmdline"] or [])]
    for process in workers:
        with suppress(psutil.NoSuchProcess):
            end_children(process)
            process.kill()
    psutil.wait_procs(workers, timeout=_OBEYS_SECONDS)
    if is_locked(run):
        raise UserError(
            f"run {run.title}",
            "its process was told to end and has not, and it cannot be found on this machine to be killed.",
            "End it on the machine that it runs on.",
        )
    if status(run).live or status(run).state == "interrupted":
        events.append(run, "stopped", step=0, now=True)


def _works_on(run: Run, command: list[str]) -> bool:
    return "ft.train.worker" in command and str(run.path) in command
