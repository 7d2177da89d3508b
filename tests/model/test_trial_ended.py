"""A trial that is cancelled, interrupted or killed: its process ends with it, and the device is free for who waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from ft import home as places
from ft.cli.command import INTERRUPTED
from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import device
from ft.runs import events, launch, queue
from ft.runs.status import status
from ft.train.trial import trial
from ft.ui import train_form, train_trial
from ft.ui.train_trial import CANCELLED, Going

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LONG = 120  # seconds that something may take on a busy machine


class GivenUpError(Exception):
    """Ends a trial in a test."""


@pytest.fixture
def sample(home: Path) -> Version:
    return save(stage([sample_file()]), "sample")


@pytest.fixture
def config(tiny_model: str) -> TrainConfig:
    return TrainConfig().with_settings({"model": tiny_model, "max_length": 256})


@contextmanager
def command(tiny_model: str) -> Iterator[tuple[subprocess.Popen, psutil.Process]]:
    """`sidetune trial`, and the process of its two steps."""
    words = [sys.executable, "-m", "ft", "trial", "sample", "--model", tiny_model]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: trials(process.pid))
            (two_steps,) = trials(process.pid)
            yield process, two_steps
        finally:
            process.kill()


def trials(of: int) -> list[psutil.Process]:
    """The processes of two steps that the process `of` has started and that have not ended."""
    found = []
    for each in psutil.Process(of).children():
        with suppress(psutil.NoSuchProcess):
            if "ft.train.two_steps" in each.cmdline():
                found.append(each)
    return found


def until(so: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def device_is_free() -> bool:
    with FileLock(places.locks_dir() / f"{device.describe().key}.lock", timeout=0):
        return not queue.line().trials


@pytest.mark.parametrize("when", ["loading", "training"])
def test_a_trial_that_is_given_up_leaves_no_process_no_lock_and_no_file(sample, config, when, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[psutil.Process] = []

    def heed() -> None:
        its_own = list(tmp_path.glob("sidetune-trial-*/sidetune-trial-*"))  # made once the model is loaded
        for process in trials(os.getpid()):
            if when == "loading" or its_own:
                assert queue.line().trials
                seen.append(process)
                raise GivenUpError

    with pytest.raises(GivenUpError):
        trial(sample, config, heed=heed)
    assert seen and gone(seen[0]) and device_is_free()
    assert not list(tmp_path.glob("sidetune-trial-*"))


def test_a_trial_whose_process_somebody_ends_is_told_so_and_not_taken_for_want_of_memory(sample, config):
    def heed() -> None:
        for process in trials(os.getpid()):
            process.terminate()

    with pytest.raises(UserError, match="ended by somebody else"):
        trial(sample, config, heed=heed)
    assert device_is_free()


def test_a_second_trial_is_told_that_the_first_has_the_device(sample, config, tiny_model):
    with command(tiny_model) as (_, two_steps):
        two_steps.suspend()  # so that it does not end by itself
        with pytest.raises(UserError, match="another trial has it"):
            trial(sample, config)
        two_steps.resume()  # else it would never see that its starter is gone
    until(lambda: gone(two_steps))


def test_ctrl_c_ends_the_command_and_its_process_and_the_run_that_waited_for_a_trial_goes_on(tiny_run, tiny_model):
    run = tiny_run(max_steps=1)
    with command(tiny_model) as (process, two_steps):
        two_steps.suspend()
        launch.start(run)
        for event in launch.wait(run, poll=0.05):
            if event["kind"] == "waiting":
                assert event["behind"] == "a trial"
                break
        assert status(run).message == "Waiting for the device: a trial is using it."
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=LONG)
    assert process.returncode == INTERRUPTED == 130
    assert "Traceback" not in told and told.endswith("Stopped.\n")
    assert gone(two_steps)
    for _ in launch.wait(run):
        pass
    assert status(run).state == "finished", events.read(run)


def test_a_trial_that_is_killed_takes_its_process_along_and_nobody_is_told_that_it_has_the_device(
    sample, tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with command(tiny_model) as (process, two_steps):
        assert queue.line().trials
        process.kill()
        process.wait()
        assert device_is_free()
        until(lambda: gone(two_steps))
    (out,) = tmp_path.glob("sidetune-trial-*/out")
    assert not out.read_text()  # it did not end because it was done


@pytest.mark.parametrize("way", ["cancelled", "closed"])
def test_a_trial_of_the_page_ends_when_it_is_cancelled_and_when_its_page_is_closed(sample, config, way):
    going, settings = Going(), train_form.filled("cpu", config.model)[1:]
    updates = train_trial.take(going, None, "sample", config.model, "cpu", *settings)
    shown = next(updates)
    while not trials(os.getpid()):
        shown = next(updates)
    (two_steps,) = trials(os.getpid())
    two_steps.suspend()
    assert shown[2].visible  # Cancel
    if way == "closed":
        updates.close()
        until(lambda: gone(two_steps) and not queue.line().trials)
    else:
        train_trial.cancel(going)
        *_, (text, go, cancel, use, changed, _) = updates
        assert gone(two_steps) and CANCELLED in text and go.interactive and not cancel.visible
        assert not use.visible and changed == {}
    assert device_is_free()


def test_a_trial_of_the_page_is_cancelled_while_it_still_counts(sample, config):
    going, settings = Going(), train_form.filled("cpu", config.model)[1:]
    updates = train_trial.take(going, None, "sample", config.model, "cpu", *settings)
    next(updates)
    train_trial.cancel(going)
    *_, (text, *_) = updates
    assert CANCELLED in text and not (places.locks_dir()).exists()  # it never asked for the device
