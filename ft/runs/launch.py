"""Start, stop and resume runs. The worker is a process of its own that outlives whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from ctypes.util import find_library
from pathlib import Path
from typing import Any

from ft import hosting
from ft.config import TrainConfig, gpus_of, require_even_share, shares_evenly
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.files import remove
from ft.models import device
from ft.models.device import Device
from ft.runs import directory, events
from ft.runs.directory import Run
from ft.runs.status import status

QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONUNBUFFERED": "1",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as nvidia-smi counts
}


def environment(devices: Sequence[Device] = ()) -> dict[str, str]:
    """The environment of a process that trains on `devices` (none given: the first)."""
    devices = devices or (device.describe(),)
    root = str(Path(__file__).parents[2])  # so that the worker is found from any folder, installed or not
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    frugal = {}
    if devices[0].kind == "cuda":  # batches differ in length, and the pieces of memory would have to fit
        frugal["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
    elif preload := allocator():
        frugal["LD_PRELOAD"] = preload
    return {
        **frugal,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        **QUIET,
        **hosting.environment(),
        # No others: TRL refuses several in one process.
        "CUDA_VISIBLE_DEVICES": ",".join(each.id for each in devices) or device.first_visible(),
    }


def allocator() -> str:
    """The name of the library tcmalloc where it is installed ("" where not), for training on a CPU.

    glibc's own allocator does not give back what a step's tensors took: with tcmalloc a step of the default model takes
    up to a third less memory, and is not slower (bench/train_memory.py).
    """
    return (sys.platform == "linux" and find_library("tcmalloc_minimal")) or ""


def begin(dataset: Version, config: TrainConfig) -> Run:
    """A new run, started. Where it cannot be, nothing is left of it.

    Raises:
        UserError: its GPUs are not there or cannot share its steps, the dataset is gone, or the disk is full.
    """
    require_devices(config)
    run = directory.create(dataset, config)
    start(run)
    return run


def require_devices(config: TrainConfig) -> None:
    """Raise UserError where the GPUs of `config` are not there, or cannot share its steps."""
    require_even_share(config, len(device.chosen(config.gpus)))


def devices_of(config: TrainConfig) -> tuple[Device, ...]:
    """What a run trains on: the GPUs that it was made for, or as many of them as are still there and can share its
    steps, or else the first device there is. Its steps are the same on any number of them."""
    there = {each.id: each for each in device.gpus()} if config.gpus else {}
    left = tuple(there[name] for name in gpus_of(config) if name in there)
    even = (number for number in range(len(left), 0, -1) if shares_evenly(config, number))
    return left[: next(even, 0)] or (device.describe(),)


def start(run: Run) -> int:
    """Start the worker of `run` and return its process id.

    Raises:
        UserError: the run's folder cannot be written to.
    """
    devices = devices_of(run.config.train)
    try:
        announce(run, devices)
        with run.log_path.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "ft.train.worker", str(run.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(devices),
                start_new_session=True,
            )
    except OSError as error:
        raise UserError(
            f"run {run.id}", f"it could not be started: {error.strerror or error}.", "Free disk space and resume it."
        ) from error
    # Nobody else waits for the worker, and an ended one that nobody waits for stays as a zombie.
    threading.Thread(target=worker.wait, daemon=True).start()
    return worker.pid


def announce(run: Run, devices: Sequence[Device]) -> None:
    """Say that a process is about to work on `run`, on `devices`, whatever was asked of the one before."""
    remove(run.stop_path)
    remove(run.place_path)  # it joins at the end of the line
    events.append(run, "launched", devices=[each.key for each in devices])


def stop(run: Run) -> None:
    """Ask the worker to stop at the end of its step, save and end.

    Raises:
        UserError: the run is not going.
    """
    now = status(run)
    if not now.live:
        raise UserError(f"run {run.id}", f"it is {now.state}, so there is nothing to stop.", "See `sidetune runs`.")
    run.stop_path.touch()


def resume(run: Run) -> int:
    """Start the run again from its last checkpoint (from the beginning where it has none). Returns the process id.

    Raises:
        UserError: the run is going, or finished.
    """
    now = status(run)
    if now.live:
        raise UserError(f"run {run.id}", f"it is {now.state} already.", "Wait for it, or stop it first.")
    if now.state == "finished":
        raise UserError(f"run {run.id}", "it is finished.", "Start a new run with more epochs to train on.")
    return start(run)


def wait(run: Run, poll: float = 0.5) -> Iterator[dict[str, Any]]:
    """The run's events as they come, from its first, until it is no longer going; asks every `poll` seconds."""
    offset = 0
    while True:
        live = status(run).live
        found, offset = events.read_from(run, offset)
        yield from found
        if not live:
            return
        time.sleep(poll)
