"""One run at a time on one device, the oldest first; and who waits is told for whom."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from ft import home as places
from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.runs import directory, events, launch
from ft.runs.directory import Run
from ft.runs.queue import device_lock
from ft.runs.status import status

WORKER = """
import sys
from pathlib import Path
from filelock import FileLock
from ft.runs import events
from ft.runs.directory import Run
from ft.runs.queue import device_lock
run = Run(Path(sys.argv[1]))
with FileLock(run.lock_path):
    with device_lock("toy", run, lambda front: events.append(run, "waiting", behind=front), poll=0.05):
        events.append(run, "preparing")
        print(run.id, flush=True)
        sys.stdin.readline()
    events.append(run, "finished")
"""


class GivenUpError(Exception):
    """Ends a wait in a test."""


@pytest.fixture
def runs(home: Path) -> list[Run]:
    """Three runs, the oldest first."""
    return [directory.create(Version("sample", "v1", home), TrainConfig()) for _ in range(3)]


def device() -> Path:
    return places.locks_dir() / "toy.lock"


def told(run: Run) -> str:
    """Whom `run` would wait for, "" where it gets the device at once."""
    said = []

    def waiting(behind: str) -> None:
        said.append(behind)
        raise GivenUpError

    try:
        with device_lock("toy", run, waiting):
            assert not said
            return ""
    except GivenUpError:
        return said[0]


def tell(run: Run, *kinds: str) -> Run:
    for kind in kinds:
        events.append(run, kind)
    return run


def test_a_free_device_is_had_at_once_alone_and_given_back(runs):
    with device_lock("toy", runs[0], pytest.fail), pytest.raises(Timeout), FileLock(device(), timeout=0):
        pass
    with FileLock(device(), timeout=0):
        pass


def test_another_device_is_not_waited_for(runs, hold):
    with hold(device()), device_lock("other", runs[0], pytest.fail):
        pass


def test_a_wait_that_is_given_up_leaves_the_device_to_others(runs, hold):
    with hold(device()) as process:
        assert told(runs[0]) == "another program"
        process.kill()
        process.wait()
        assert told(runs[0]) == ""


def test_the_older_of_two_that_wait_goes_first_and_the_younger_is_told_so(runs, hold):
    older, younger, _ = runs
    tell(older, "launched", "waiting")
    with hold(older.lock_path) as process:
        assert told(younger) == older.id
        assert told(older) == ""
        process.kill()  # a dead run keeps nobody waiting
        process.wait()
        assert told(younger) == ""


def test_the_run_that_has_the_device_is_named_and_not_a_younger_one_that_waits_too(runs, hold):
    running, waits, younger = runs
    tell(running, "launched", "waiting", "preparing", "started")
    tell(younger, "launched", "waiting")
    with hold(device()), hold(running.lock_path), hold(younger.lock_path):
        assert told(waits) == running.id
    late = tell(younger, "launched")
    with hold(device()), hold(running.lock_path), hold(late.lock_path):
        assert told(waits) == running.id


def test_an_older_run_that_was_asked_to_stop_while_it_waits_keeps_nobody_waiting(runs, hold):
    older, younger, _ = runs
    tell(older, "launched", "waiting")
    with hold(older.lock_path):
        launch.stop(older)
        assert status(older).state == "stopping"
        assert told(younger) == ""


def test_runs_that_wait_are_worked_on_in_the_order_they_were_made(runs, hold):
    first, *others = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for run in runs
    ]
    workers = [first, *others]
    try:
        with hold(device()):
            for run in runs:
                for event in launch.wait(run, poll=0.05):
                    if event["kind"] == "waiting":
                        break
        for run, worker in zip(runs, workers, strict=True):
            assert worker.stdout is not None and worker.stdout.readline() == f"{run.id}\n"
            begun = [other.id for other in runs if "preparing" in {event["kind"] for event in events.read(other)}]
            assert begun == [each.id for each in runs[: runs.index(run) + 1]]
            worker.communicate("done\n")
        assert [status(run).state for run in runs] == ["finished"] * 3
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
