"""Try a run before it is started: what two real steps take on this device, and what to change where they do not fit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import Timeout

from ft.config import TrainConfig, checkpointing_on, gpus_of
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.files import remedy
from ft.models import device
from ft.models.device import Device
from ft.runs import launch, queue
from ft.train.batch import Batch, batch_of
from ft.train.preflight import Preflight

OUT_OF_MEMORY = 3  # exit status of ft.train.two_steps
SHORTEST = 128  # tokens: a shorter maximum length is not offered
HEADROOM = 0.92  # of what is free: the rest is for what else the machine does
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Attempt:
    """Two steps with one config. Bytes and tokens a second, None where memory ran out before they were known."""

    config: TrainConfig
    fits: bool
    peak_bytes: int | None = None
    tokens_per_second: float | None = None
    validation_tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """The config that was asked for, then what was tried to make it fit; `room_bytes` is what the device had free."""

    attempts: tuple[Attempt, ...]
    room_bytes: int
    device: str

    @property
    def fitting(self) -> Attempt | None:
        """The attempt that fits; None where none did."""
        return self.attempts[-1] if self.attempts[-1].fits else None

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that have to change so that it fits; {} where it does as it is, or not at all."""
        asked, found = self.attempts[0].config, self.fitting
        if found is None:
            return {}
        return {k: v for k, v in found.config.model_dump().items() if v != getattr(asked, k)}


def trial(
    dataset: Version,
    config: TrainConfig,
    progress: Callable[[str], None] | None = None,
    heed: Callable[[], None] | None = None,
) -> Trial:
    """Take two real steps on the longest batch in a process of its own, and where memory runs out, again with less.

    Tried in this order, each on top of the one before: computing again what is cheap, then whole layers, instead of
    keeping it; half the batch with twice the accumulation (the same steps), down to one conversation; half the length.
    Where several GPUs share a step, the first takes its share of it.

    `heed` is called ten times a second. What it raises ends the trial: its process is gone, and the device free, before
    it is passed on. So does an interrupt.

    Raises:
        UserError: a run or another trial has the device, the model or the dataset cannot be used, or somebody ended the
            trial's process.
    """
    devices = device.chosen(config.gpus)
    here = devices[0] if config.gpus else launch.chosen(config, queue.line())[0]
    with _words_for_disk(), _held(here):
        room = int(here.free_bytes * HEADROOM)
        attempts: list[Attempt] = []
        tried: TrainConfig | None = None
        for each in _lighter(config, here.kind):
            if progress:
                progress("Taking two steps on the longest batch" + (f": {_words(each)}" if attempts else ""))
            share = batch_of(each, [], len(devices)).size
            alone = each.with_settings({"batch_size": share, "gradient_accumulation": 1, "gpus": ""})
            if alone == tried:
                continue  # a smaller batch of several GPUs may give each the same
            tried = alone
            found = _attempt(dataset, alone, here, room, heed)
            attempts.append(replace(found, config=each))
            if attempts[-1].fits:
                break
        return Trial(tuple(attempts), room, str(here))


def seconds(found: Attempt, counts: Preflight) -> float | None:
    """How long the run takes at the speed of `found`, with its validations; None where that is not known. Several GPUs
    are taken to be as many times as fast as one."""
    if not found.tokens_per_second or not found.validation_tokens_per_second:
        return None
    a_step = counts.tokens / counts.samples * found.config.batch_size * found.config.gradient_accumulation
    training = counts.steps * a_step / found.tokens_per_second
    validations = counts.validations * counts.validation_tokens / found.validation_tokens_per_second
    return (training + validations) / max(1, len(gpus_of(found.config)))


def as_json(found: Trial, counts: Preflight, price: float | None = None) -> dict[str, Any]:
    """{"fits", "changes", "room_bytes", "device", "steps", "seconds", "cost", "remarks", "attempts": [{"settings",
    "fits", "peak_bytes", "tokens_per_second"}]}; `price` is money an hour, and "cost" in the same money."""
    fitting = found.fitting
    took = seconds(fitting, counts) if fitting else None
    asked = found.attempts[0].config
    return {
        "fits": fitting is not None and not found.changes,
        "changes": found.changes,
        "room_bytes": found.room_bytes,
        "device": found.device,
        "steps": counts.steps,
        "seconds": took,
        "cost": None if price is None or took is None else round(took / 3600 * price, 4),
        "remarks": counts.remarks,
        "attempts": [
            {
                "settings": {k: v for k, v in each.config.model_dump().items() if v != getattr(asked, k)},
                "fits": each.fits,
                "peak_bytes": each.peak_bytes,
                "tokens_per_second": each.tokens_per_second,
            }
            for each in found.attempts
        ],
    }


def _lighter(config: TrainConfig, device: Literal["cuda", "cpu"]) -> Iterator[TrainConfig]:
    """`config`, and after it ever lighter ones that train the same as long as they can on that kind of device."""
    yield config
    modes = ("off", "light", "full")
    for mode in modes[modes.index(checkpointing_on(device, config.checkpointing)) + 1 :]:
        config = config.with_settings({"checkpointing": mode})
        yield config
    batch: Batch | None = Batch(config.batch_size, config.gradient_accumulation)
    while batch := batch.smaller() if batch else None:
        config = config.with_settings({"batch_size": batch.size, "gradient_accumulation": batch.accumulation})
        yield config
    while config.max_length >= 2 * SHORTEST:
        config = config.with_settings({"max_length": config.max_length // 2})
        yield config


def _words(config: TrainConfig) -> str:
    return f"{config.batch_size} at once, up to {config.max_length} tokens, recomputing {config.checkpointing}"


@contextmanager
def _words_for_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = f"it cannot write what it needs: {error.strerror or error}."
        todo = f"{remedy(error)}, then try again."
        raise UserError(f"the trial ({error.filename or 'a temporary file'})", why, todo) from error


@contextmanager
def _held(here: Device) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(queue.trial_lock(here.key))
        except Timeout as error:
            who = "another trial" if here.key in queue.line().trials else "a run"
            raise UserError(
                f"the device ({here.name})",
                f"{who} has it, so what is measured now would not be true.",
                "Wait until it ends, or stop it, and try again.",
            ) from error
        yield


def _attempt(
    dataset: Version, config: TrainConfig, here: Device, room: int, heed: Callable[[], None] | None
) -> Attempt:
    """Two steps with `config`. On a CPU the process is ended as soon as it holds more than `room` bytes, before the
    system has to choose what to kill; a GPU says itself that its memory ran out."""
    asked = {"dataset": f"{dataset.name}@{dataset.version}", "config": config.model_dump(), "parent": os.getpid()}
    # What the process puts into temporary files goes with this folder, also where it is killed.
    with (
        tempfile.TemporaryDirectory(prefix="sidetune-trial-") as folder,
        Path(folder, "out").open("w+") as out,
        Path(folder, "err").open("w+") as err,
        subprocess.Popen(
            [sys.executable, "-m", "ft.train.two_steps", json.dumps(asked)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**launch.environment([here]), "TMPDIR": folder},
        ) as process,
    ):
        try:
            if not _stays_below(process, room if here.kind == "cpu" else None, heed):
                return Attempt(config, False)
        finally:
            process.kill()  # also where the one who asks has gone
            process.wait()
        for file in (out, err):
            file.seek(0)
        return _read(config, room, process.returncode, out.read(), err.read())


def _read(config: TrainConfig, room: int, ended: int, out: str, err: str) -> Attempt:
    """What the process told on `out`, or what its exit status `ended` says."""
    if -ended in (signal.SIGINT, signal.SIGTERM):
        raise UserError("the trial", "its process was ended by somebody else.", "Try again.")
    if ended in (OUT_OF_MEMORY, -signal.SIGKILL):  # the system kills what takes too much; any other signal is a crash
        return Attempt(config, False)
    if ended != 0:
        raise RuntimeError(f"the trial ended with {ended}: {err[-2000:]}")
    found = json.loads(out.splitlines()[-1])
    if "error" in found:
        raise UserError(**found["error"])
    return Attempt(
        config,
        found["peak_bytes"] <= room,
        found["peak_bytes"],
        found["tokens_per_second"],
        found["validation_tokens_per_second"],
    )


def _stays_below(process: subprocess.Popen[bytes], room: int | None, heed: Callable[[], None] | None) -> bool:
    """Watch the process until it ends; False as soon as it holds more than `room` bytes (None: whatever it holds)."""
    while True:
        if heed:
            heed()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
            return True
        with suppress(psutil.NoSuchProcess):
            if room is not None and psutil.Process(process.pid).memory_info().rss > room:
                return False
