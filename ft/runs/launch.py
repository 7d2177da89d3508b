"""Start, stop and resume runs. The worker is a process of its own that outlives whoever started it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from ctypes.util import find_library
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ft import home, hosting
from ft.config import TrainConfig, gpus_of, require_even_share, shares_evenly
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.files import regular, remedy, remove
from ft.models import device
from ft.models.device import Device
from ft.runs import directory, events
from ft.runs.directory import Run
from ft.runs.line import Line, line, wanted_devices
from ft.runs.status import is_held, status

MOST_WAITING = 20  # runs, for all devices together
MOST_WAITING_HOSTED = 8
LOCK = "SIDETUNE_RUN_LOCK"  # in a worker's environment: the descriptor that holds its run's lock
QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONUNBUFFERED": "1",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as nvidia-smi counts
}


def environment(devices: Sequence[Device] = ()) -> dict[str, str]:
    """The environment of a process that trains on `devices` (none given: the first)."""
    devices = devices or (device.describe(),)
    frugal = {}
    if devices[0].kind == "cuda":  # batches differ in length, and the pieces of memory would have to fit
        frugal["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
    elif preload := allocator():
        frugal["LD_PRELOAD"] = preload
    return {
        **frugal,
        **os.environ,
        "PYTHONPATH": _python_path(),
        **QUIET,
        **hosting.environment(),
        # No others: TRL refuses several in one process.
        "CUDA_VISIBLE_DEVICES": ",".join(each.id for each in devices),  # none for the CPU
    }


def _python_path() -> str:
    """PYTHONPATH of a process that runs a module of ours: it is found from any folder, installed or not."""
    root = str(Path(__file__).parents[2])
    return os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])


def allocator() -> str:
    """The name of the library tcmalloc where it is installed ("" where not), for training on a CPU.

    glibc's own allocator does not give back what a step's tensors took: with tcmalloc a step of the default model takes
    up to a third less memory, and is not slower (bench/train_memory.py).
    """
    return (sys.platform == "linux" and find_library("tcmalloc_minimal")) or ""


def begin(dataset: Version, config: TrainConfig, name: str = "") -> Run:
    """A new run, started; `name` as `directory.create` takes it. Where it cannot be, nothing is left of it.

    Raises:
        UserError: its name cannot be used, its GPUs are not there or cannot share its steps, the dataset is gone, the
            line is full, or the disk is.
    """
    require_devices(config)
    run = directory.create(dataset, config, name)
    try:
        start(run)
    except UserError:
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def _require_place(waiting: int) -> None:
    """Raise UserError where as many runs wait as may: each is somebody's to wait for, and to take out again."""
    most = MOST_WAITING_HOSTED if hosting.hosted() else MOST_WAITING
    if waiting >= most:
        raise UserError(
            "one more run",
            f"{waiting} runs wait for the device already, and at most {most} may.",
            "Wait until one has begun, or cancel one of them.",
        )


def require_devices(config: TrainConfig) -> None:
    """Raise UserError where the GPUs of `config` are not there, or cannot share its steps."""
    require_even_share(config, len(device.chosen(config.gpus)))


def devices_of(config: TrainConfig) -> tuple[Device, ...]:
    """What a run can train on: the GPUs that it was made for, or as many of them as are still there and can share its
    steps, or else the first device there is. Its steps are the same on any number of them."""
    there = {each.id: each for each in device.gpus()} if config.gpus else {}
    left = tuple(there[name] for name in gpus_of(config) if name in there)
    even = (number for number in range(len(left), 0, -1) if shares_evenly(config, number))
    return left[: next(even, 0)] or (device.describe(),)


def spare(there: Sequence[Device], now: Line) -> Device | None:
    """The first of several GPUs `there` that nobody has and nobody waits for."""
    free = (each for each in there if not now.wanted(each.key) and not is_held(home.locks_dir() / f"{each.key}.lock"))
    return next(free, None) if len(there) > 1 else None


def chosen(config: TrainConfig, now: Line) -> tuple[Device, ...]:
    """What a run of `config` that is started now goes on: its GPUs, or else any that is free, or the first device."""
    free = None if config.gpus else spare(device.gpus(), now)
    return (free,) if free else devices_of(config)


def announced(run: Run) -> tuple[Device, ...]:
    """What `run` was started for last; what it can train on now where that is not there any more."""
    keys = wanted_devices(events.read_compact(run))
    there = [] if run.config.train.gpus else [each for each in device.gpus() if each.key in keys]
    return tuple(there) or devices_of(run.config.train)


def require_gpu(run: Run) -> None:
    """Raise UserError where `run` was started for a GPU and there is none now: on the CPU it might take weeks."""
    wanted = wanted_devices(events.read_compact(run))
    if any(key.startswith("cuda") for key in wanted) and device.describe().kind == "cpu":
        raise UserError(
            f"run {run.title}",
            "it was started on a GPU, and there is none now that this process may use.",
            "See that nvidia-smi lists it, then resume the run; or start a new one to train on the CPU.",
        )


def start(run: Run) -> int:
    """Start the worker of `run` and return its process id; 0 where a waiter has it, which starts it in its turn.

    Raises:
        UserError: the run's folder cannot be written to, or the line is full.
    """
    return _start(run, lambda: None)


def _start(run: Run, require: Callable[[], None]) -> int:
    """As `start`; `require` refuses while no other run can be started."""
    require_gpu(run)
    try:
        home.locks_dir().mkdir(parents=True, exist_ok=True)
        with FileLock(home.locks_dir() / "starts.lock", timeout=10):
            require()
            now = line()
            _require_place(len(now.waiting))
            devices = chosen(run.config.train, now)
            keys = {each.key for each in devices}
            waits = now.ahead(keys) is not None or bool(now.trials & keys)
            announce(run, devices, waits)
    except Timeout as error:
        raise UserError(f"run {run.title}", "another one is just being started.", "Try again.") from error
    except OSError as error:
        raise _not_started(run, error) from error
    if not waits:
        return work(run)
    _have_waiter(run)
    return 0


def work(run: Run, lock: int | None = None) -> int:
    """Start the worker of `run` and return its process id. `lock`: the run's lock, held by this descriptor, which the
    worker takes over.

    Raises:
        UserError: the run's folder cannot be written to.
    """
    inherited = {} if lock is None else {LOCK: str(lock)}
    try:
        with open(run.log_path, "ab", opener=regular) as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "ft.train.worker", str(run.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**environment(announced(run)), **inherited},
                pass_fds=() if lock is None else (lock,),
                start_new_session=True,
            )
    except OSError as error:
        raise _not_started(run, error) from error
    # Nobody else waits for the worker, and an ended one that nobody waits for stays as a zombie.
    threading.Thread(target=worker.wait, daemon=True).start()
    return worker.pid


def _have_waiter(run: Run) -> None:
    """See that a waiter is there. One that is looks at the line once more after it let go of its lock."""
    if is_held(waiter_lock()):
        return
    try:
        with open(waiter_lock().with_suffix(".log"), "wb", opener=regular) as log:
            waiter = subprocess.Popen(
                [sys.executable, "-m", "ft.runs.waiter"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,  # a traceback of its own
                env={**os.environ, "PYTHONPATH": _python_path()},
                start_new_session=True,
            )
    except OSError as error:
        raise _not_started(run, error) from error
    threading.Thread(target=waiter.wait, daemon=True).start()


def waiter_lock() -> Path:
    """What the waiter holds that starts runs for processes such as this one: those of a hosted page get nothing that
    belongs to whoever else starts runs on this machine, such as an access token in the environment."""
    return home.locks_dir() / f"waiter-{waits_for()}.lock"


def waits_for() -> str:
    """The kind of waiter that processes such as this one leave their runs to."""
    return "hosted" if hosting.hosted() else "own"


def _not_started(run: Run, error: OSError) -> UserError:
    return UserError(
        f"run {run.title}", f"it could not be started: {error.strerror or error}.", f"{remedy(error)}, then resume it."
    )


def announce(run: Run, devices: Sequence[Device], waits: bool = False) -> None:
    """Say that a process is about to work on `run`, on `devices`, whatever was asked of the one before; or that it
    `waits`, and a waiter has it."""
    remove(run.stop_path)
    remove(run.place_path)  # it joins at the end of the line
    waiter = {"waiter": waits_for()} if waits else {}
    events.append(run, "launched", devices=[each.key for each in devices], **waiter)


def stop(run: Run) -> None:
    """Ask the worker to stop at the end of its step, save and end.

    Raises:
        UserError: the run is not going.
    """
    now = status(run)
    if not now.live:
        raise UserError(f"run {run.title}", f"it is {now.state}, so there is nothing to stop.", "See `sidetune runs`.")
    run.stop_path.touch()


def resume(run: Run) -> int:
    """Start the run again from its last checkpoint (from the beginning where it has none). Returns the process id.

    Raises:
        UserError: the run is going, or finished.
    """
    return _start(run, lambda: _require_ended(run))


def _require_ended(run: Run) -> None:
    now = status(run)
    if now.live:
        raise UserError(f"run {run.title}", f"it is {now.state} already.", "Wait for it, or stop it first.")
    if now.state == "finished":
        raise UserError(f"run {run.title}", "it is finished.", "Start a new run with more epochs to train on.")


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
