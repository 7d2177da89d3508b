"""A trial that has the device is named to those who wait for it, for as long as it has it and no longer."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import Timeout

from ft import home as places
from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.runs import directory, events, queue
from ft.runs.directory import Run

TRIAL = """
import sys
from ft.runs.queue import trial_lock
with trial_lock("toy"):
    print("held", flush=True)
    sys.stdin.read()
"""


class GivenUpError(Exception):
    """Ends a wait in a test."""


@pytest.fixture
def runs(home: Path, hold) -> Iterator[list[Run]]:
    """Two runs that wait for the device, the oldest first."""
    made = [directory.create(Version("sample", "v1", home), TrainConfig()) for _ in range(2)]
    for run in made:
        events.append(run, "launched")
        events.append(run, "waiting")
    with hold(made[0].lock_path), hold(made[1].lock_path):
        yield made


@contextmanager
def trial() -> Iterator[subprocess.Popen]:
    """Another process holds the device as a trial does."""
    with subprocess.Popen([sys.executable, "-c", TRIAL], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def told(run: Run, device: str = "toy") -> tuple[str, int] | None:
    """For whom `run` would wait and how many go before it; None where it gets the device at once."""

    def waiting(behind: str, before: int) -> None:
        raise GivenUpError(behind, before)

    try:
        with queue.device_lock([device], run, waiting):
            return None
    except GivenUpError as said:
        return said.args


def test_all_who_wait_for_a_trial_are_told_so_until_it_is_killed(runs):
    with trial() as process:
        assert [told(run) for run in runs] == [("a trial", 0), ("a trial", 1)]
        assert queue.line().trials == {"toy"} and queue.as_json(queue.line())["trials"] == ["toy"]
        process.kill()
        process.wait()
        assert not queue.line().trials and [told(run) for run in runs] == [None, ("", 1)]


def test_a_program_that_has_the_device_after_a_trial_is_no_trial(runs, hold):
    with queue.trial_lock("toy"):
        assert queue.line().trials
    with hold(places.locks_dir() / "toy.lock"):
        assert told(runs[0]) == ("another program", 0) and not queue.line().trials


def test_a_trial_waits_for_nobody(runs, hold):
    with hold(places.locks_dir() / "toy.lock"), pytest.raises(Timeout), queue.trial_lock("toy"):
        pass
    assert not queue.line().trials


def test_a_run_that_has_the_device_is_named_and_not_a_trial(runs):
    events.append(runs[0], "preparing")
    with queue.device_lock(["toy"], runs[0], pytest.fail):
        assert queue.line().using == (runs[0],) and told(runs[1]) == (runs[0].id, 0)


def test_a_trial_on_another_device_holds_up_nobody_and_is_not_named(runs, hold):
    with trial(), hold(places.locks_dir() / "other.lock") as process:
        assert told(runs[0], "other") == ("another program", 0)
        process.kill()
        process.wait()
        assert told(runs[0], "other") is None
