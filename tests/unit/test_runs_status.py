"""A run's state is what its files and its lock say, each time anew."""

from pathlib import Path

import pytest
from filelock import FileLock

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.runs import directory, events, launch
from ft.runs.directory import Run
from ft.runs.status import status, summary


@pytest.fixture
def run(home: Path) -> Run:
    return directory.create(save(stage([sample_file()]), "sample"), TrainConfig())


def train(run: Run, first: int, last: int, steps: int = 20) -> None:
    events.append(run, "launched")
    events.append(run, "started", step=first, steps=steps, resumed_from=first or None)
    for step in range(first + 1, last + 1):
        events.append(run, "step", step=step, steps=steps, loss=3.0 - step / 10)


def test_a_run_that_goes_on_from_a_checkpoint_counts_its_steps_from_there(run: Run):
    train(run, 0, 15)
    train(run, 12, 13)
    with FileLock(run.lock_path):
        assert (status(run).state, status(run).step) == ("running", 13)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(run: Run):
    train(run, 0, 2)
    assert (status(run).state, status(run).step) == ("interrupted", 2)
    assert "from its beginning" in status(run).message
    train(run, 0, 0)
    with FileLock(run.lock_path):
        assert status(run).step == 0


def test_stopping_a_resumed_run_that_still_waits_for_the_device_loses_no_step(run: Run):
    train(run, 0, 8)
    events.append(run, "stopped", step=8, best_step=8)
    events.append(run, "launched")
    events.append(run, "waiting", behind="another run")
    events.append(run, "stopped", step=0)
    assert (status(run).state, status(run).step) == ("stopped", 8)
    assert summary(run)["best_step"] == 8


def test_a_resumed_run_prepares_before_it_trains_again(run: Run):
    train(run, 0, 8)
    events.append(run, "stopped", step=8)
    events.append(run, "launched")
    with FileLock(run.lock_path):
        assert (status(run).state, status(run).message) == ("preparing", "Starting")
        events.append(run, "preparing", what="Loading the base model")
        assert (status(run).state, status(run).message) == ("preparing", "Loading the base model")
        assert status(run).seconds_left is None


def test_a_run_that_is_stopped_before_its_process_is_up_says_so(run: Run):
    events.append(run, "launched")
    assert status(run).state == "queued"
    launch.stop(run)
    assert status(run).state == "stopping" and status(run).live
