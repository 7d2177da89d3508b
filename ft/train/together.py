"""Several processes that train one run together, one for each GPU: how they are started, and what one of them does.

`python -m ft.train.worker RUN_DIR` starts one for each GPU that the run's config names. On several machines, or where a
person wants to start them, `accelerate launch ... -m ft.train.worker RUN_DIR` does, with the same run directory on each
machine: then nobody waits for a device, and the first of them holds the locks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from filelock import FileLock, Timeout

from ft.errors import UserError
from ft.models import device
from ft.runs import events, launch
from ft.runs.directory import Run
from ft.runs.queue import device_lock
from ft.runs.status import ENDS, is_locked
from ft.train.ranks import rank
from ft.train.told import ToldAlreadyError, told

_LOCKED = "SIDETUNE_RUN_IS_LOCKED"  # set where the process that starts the others holds the locks
_POLL_SECONDS = 0.5


def start(run: Run, processes: int) -> None:
    """Have so many processes train `run`, again with smaller batches where memory ran out in one, until they ended.

    Raises:
        ToldAlreadyError: they failed, and have told why.
        UserError: they failed without a word.
    """
    while True:
        done = subprocess.run(command(run, processes), env={**os.environ, _LOCKED: "yes"}, check=False)
        if done.returncode == 0:
            return
        last = events.read(run)[-1]["kind"]
        if last in ENDS:
            raise ToldAlreadyError
        if last != "smaller_batch":
            raise UserError(
                f"the {processes} processes that train",
                "one of them ended without a word, and the others with it.",
                "See the log; resume the run, with fewer GPUs if it happens again.",
            )


def command(run: Run, processes: int) -> list[str]:
    """The command that starts them, on this machine, at a port that is free."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    plain = ["--mixed_precision", "no", "--dynamo_backend", "no"]  # the trainer says what it wants
    return [
        *launcher,
        *("--num_processes", str(processes), "--main_process_port", "0"),
        *plain,
        *("-m", "ft.train.worker", str(run.path)),
    ]


def one_of_several(run: Run, work: Callable[[], None]) -> int:
    """Do the work of one process; the first holds the locks where nobody does. Returns the exit status."""
    if os.environ.get(_LOCKED):
        threading.Thread(target=_end_with_the_lock, args=(run,), daemon=True).start()
        return told(run, work)
    return told(run, work if rank() else lambda: _locked(run, work))


def _locked(run: Run, work: Callable[[], None]) -> None:
    def refuse(behind: str, before: int) -> None:
        raise UserError(
            f"run {run.id}",
            f"{behind or f'{before} other runs'} had the device first.",
            "Start it again once that has ended: processes that are started together do not wait.",
        )

    devices = (device.gpus() or (device.describe(),))[: int(os.environ.get("LOCAL_WORLD_SIZE", "1"))]
    try:
        with FileLock(run.lock_path, timeout=5):
            launch.announce(run, devices)
            with device_lock([each.key for each in devices], run, refuse):
                work()
    except Timeout as error:
        raise UserError(
            f"run {run.id}", "another process is training it already.", "Stop that one first, or wait for it."
        ) from error


def _end_with_the_lock(run: Run) -> None:
    """End this process as soon as nobody holds the run's lock: who started it is gone, and another may go on."""
    while is_locked(run):
        time.sleep(_POLL_SECONDS)
    os._exit(1)
