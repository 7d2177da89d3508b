"""Several processes that train one run together, one for each GPU: how they are started, and what one of them does.

`python -m ft.train.worker RUN_DIR` starts one for each GPU that the run's config names. On several machines, or where a
person wants to start them, `accelerate launch ... -m ft.train.worker RUN_DIR` does, with the same run directory on each
machine: then nobody waits for a device, and the first of them holds the locks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import psutil

from ft.errors import UserError
from ft.models import device
from ft.runs import events, launch
from ft.runs.directory import Run
from ft.runs.queue import device_lock
from ft.runs.status import ENDS, is_locked
from ft.train.ranks import STARTED_BY, rank
from ft.train.told import ToldAlreadyError, run_lock, told
from ft.train.watch import end_unless


def start(run: Run, processes: int) -> None:
    """Have so many processes train `run`, again with smaller batches where memory ran out in one, until they ended.

    Raises:
        ToldAlreadyError: they failed, and have told why.
        UserError: they failed without a word.
    """
    while True:
        before = len(events.read(run))
        environment = {**os.environ, STARTED_BY: str(os.getpid())}
        done = subprocess.run(command(run, processes), env=environment, check=False)
        if done.returncode == 0:
            return
        told_since = {event["kind"] for event in events.read(run)[before:]}
        if told_since & ENDS:
            raise ToldAlreadyError
        if "smaller_batch" not in told_since:
            raise UserError(
                f"the {processes} processes that train",
                "one of them ended without a word, and the others with it.",
                "See the log, then resume the run.",
            )


def command(run: Run, processes: int) -> list[str]:
    """The command that starts them, on this machine, at a port that is free."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    # Said here, or it would be what a person has configured for other programs; all GPUs: those that are visible.
    plain = ["--gpu_ids", "all", "--mixed_precision", "no", "--dynamo_backend", "no"]
    return [
        *launcher,
        *("--num_processes", str(processes), "--main_process_port", "0"),
        *plain,
        *("-m", "ft.train.worker", str(run.path)),
    ]


def one_of_several(run: Run, work: Callable[[], None]) -> int:
    """Do the work of one process; the first holds the locks where nobody does. Returns the exit status."""
    if starter := os.environ.get(STARTED_BY):
        # As soon as the one that started it is gone, and with it the run's lock, another may go on.
        end_unless(lambda: is_locked(run) and psutil.pid_exists(int(starter)))
        return told(run, work)
    os.environ.update(launch.QUIET)
    return told(run, work) if rank() else _locked(run, work)


def _locked(run: Run, work: Callable[[], None]) -> int:
    def refuse(behind: str, before: int) -> None:
        raise UserError(
            f"run {run.title}",
            f"{behind or f'{before} other runs'} had the device first.",
            "Start it again once that has ended: processes that are started together do not wait.",
        )

    def alone() -> None:
        with device_lock([each.key for each in devices], run, refuse):
            work()

    devices = (device.gpus() or (device.describe(),))[: int(os.environ.get("LOCAL_WORLD_SIZE", "1"))]
    with run_lock(run) as held:
        if not held:
            return 1
        launch.announce(run, devices)
        return told(run, alone)
