"""Try a run before it is started: what two real steps take on this device, and what to change where they do not fit."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from filelock import FileLock, Timeout

from ft import home
from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import device
from ft.models.device import Device
from ft.runs import launch
from ft.train.batch import Batch
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


def trial(dataset: Version, config: TrainConfig, progress: Callable[[str], None] | None = None) -> Trial:
    """Take two real steps on the longest batch in a process of its own, and where memory runs out, again with less.

    Tried in this order, each on top of the one before: computing again what is cheap, then whole layers, instead of
    keeping it; half the batch with twice the accumulation (the same steps), down to one conversation; half the length.

    Raises:
        UserError: another run has the device, or the model or the dataset cannot be used.
    """
    here = device.describe()
    with _held(here):
        room = int(here.free_bytes * HEADROOM)
        attempts: list[Attempt] = []
        for each in _lighter(config):
            if progress:
                progress("Taking two steps on the longest batch" + (f": {_words(each)}" if attempts else ""))
            attempts.append(_attempt(dataset, each, room, watched=here.kind == "cpu"))
            if attempts[-1].fits:
                break
        return Trial(tuple(attempts), room, str(here))


def seconds(found: Attempt, counts: Preflight) -> float | None:
    """How long the run takes at the speed of `found`, with its validations; None where that is not known."""
    if not found.tokens_per_second or not found.validation_tokens_per_second:
        return None
    a_step = counts.tokens / counts.samples * found.config.batch_size * found.config.gradient_accumulation
    training = counts.steps * a_step / found.tokens_per_second
    validations = counts.validations * counts.validation_tokens / found.validation_tokens_per_second
    return training + validations


def as_json(found: Trial, counts: Preflight, price: float | None = None) -> dict[str, Any]:
    """{"fits", "changes", "room_bytes", "device", "steps", "seconds", "cost", "attempts": [{"settings", "fits",
    "peak_bytes", "tokens_per_second"}]}; `price` is money an hour, and "cost" in the same money."""
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


def _lighter(config: TrainConfig) -> Iterator[TrainConfig]:
    """`config`, and after it ever lighter ones that train the same as long as they can."""
    yield config
    for mode in ("light", "full"):
        if config.checkpointing != "full" and config.checkpointing != mode:
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
def _held(here: Device) -> Iterator[None]:
    home.locks_dir().mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.locks_dir() / f"{here.key}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"the device ({here.name})",
            "a run has it, so what is measured now would not be true.",
            "Wait until the run ends, or stop it, and try again.",
        ) from error
    with lock:
        yield


def _attempt(dataset: Version, config: TrainConfig, room: int, watched: bool) -> Attempt:
    """Two steps with `config`. Where it is `watched` the process is ended as soon as it holds more than `room` bytes,
    before the system has to choose what to kill; a GPU says itself that its memory ran out."""
    asked = {"dataset": f"{dataset.name}@{dataset.version}", "config": config.model_dump()}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        command = [sys.executable, "-m", "ft.train.two_steps", json.dumps(asked)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True, env=launch.environment()
        ) as process:
            try:
                if watched and not _stays_below(process.pid, room):
                    return Attempt(config, False)
                process.wait()
            finally:
                process.kill()  # also where the one who asks has gone
        out.seek(0)
        err.seek(0)
        if process.returncode == OUT_OF_MEMORY or process.returncode < 0:
            return Attempt(config, False)
        if process.returncode != 0:
            raise RuntimeError(f"the trial ended with {process.returncode}: {err.read()[-2000:]}")
        found = json.loads(out.read().splitlines()[-1])
    if "error" in found:
        raise UserError(**found["error"])
    return Attempt(
        config,
        found["peak_bytes"] <= room,
        found["peak_bytes"],
        found["tokens_per_second"],
        found["validation_tokens_per_second"],
    )


def _stays_below(pid: int, room: int) -> bool:
    """Watch the process until it ends; False as soon as it holds more than `room` bytes."""
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if process.memory_info().rss > room:
                return False
            time.sleep(_POLL_SECONDS)
    except psutil.NoSuchProcess:
        pass
    return True
