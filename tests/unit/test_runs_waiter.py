"""Runs that wait cost one process for all of them, and the line has an end; nothing of a run is lost by it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock, Timeout

from ft import home as places
from ft.config import TrainConfig
from ft.dataset import versions
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import device
from ft.runs import directory, events, launch, queue, waiter
from ft.runs.directory import Run
from ft.runs.status import Status, status
from ft.ui import api

LONG = 60  # seconds that something may take on a busy machine


def processes(home: Path) -> list[psutil.Process]:
    """The waiters and workers of this home."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = {"ft.runs.waiter", "ft.train.worker"} & set(process.cmdline())  # and not those that read files
            if ours and process.environ().get("SIDETUNE_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def dataset(home: Path) -> Version:
    return save(stage([sample_file()]), "sample")


@pytest.fixture
def running(home: Path, dataset: Version, hold) -> Iterator[Run]:
    """A run that has the device, as its worker would."""
    run = directory.create(dataset, TrainConfig())
    with hold(run.lock_path), hold(places.locks_dir() / f"{device.describe().key}.lock") as process:
        for kind in ("launched", "preparing", "started"):
            events.append(run, kind, **({"devices": [device.describe().key]} if kind == "launched" else {}))
        run.stop_path.with_name("holder").write_text(str(process.pid))
        yield run
    for process in processes(home):
        process.kill()
    psutil.wait_procs(processes(home), timeout=LONG)


def start(many: int) -> list[Run]:
    dataset = versions.find("sample")
    return [launch.begin(dataset, TrainConfig(model="nowhere")) for _ in range(many)]


def state(runs: list[Run], name: str) -> bool:
    return {status(run).state for run in runs} == {name}


def test_runs_that_wait_have_one_process_together(home: Path, running: Run):
    runs = [directory.find(api.train("sample")["run"]) for _ in range(8)]
    until(lambda: state(runs, "waiting") and len(processes(home)) == 1)  # those that came too late have ended
    (waiter,) = processes(home)
    assert waiter.cmdline()[-1] == "ft.runs.waiter"
    assert [each.run for each in queue.line().waiting] == runs
    until(lambda: "7 runs are before it" in status(runs[7]).message)
    assert f"{running.name} is using it" in status(runs[0]).message and "Waiting" in runs[0].log_path.read_text()
    for run in runs:
        queue.cancel(run)
    until(lambda: state(runs, "stopped"))
    psutil.wait_procs([waiter], timeout=LONG)
    assert processes(home) == []


def test_they_heed_a_move_and_can_be_resumed_and_are_started_in_their_order(home: Path, running: Run):
    first, second, third = start(3)
    until(lambda: state([first, second, third], "waiting"))
    queue.move(third, "first")
    queue.cancel(second)
    until(lambda: state([second], "stopped"))
    assert launch.resume(second) == 0
    until(lambda: "2 runs are before it" in status(second).message)
    os.kill(int((running.path / "holder").read_text()), signal.SIGKILL)  # the device is free
    events.append(running, "finished", step=1)
    waits = [third, first, second]
    while waits:
        run = waits.pop(0)
        until(lambda run=run: "preparing" in [event["kind"] for event in events.read(run)])
        assert not [other for other in waits if status(other).state != "waiting"]
        worker = next(each for each in processes(home) if str(run.path) in each.cmdline())
        worker.kill()  # it holds the run's lock, which the waiter handed to it
        until(lambda run=run: status(run).state == "interrupted")
    assert all([event["kind"] for event in events.read(run)].count("preparing") == 1 for run in (first, second, third))


def test_a_waiter_that_is_killed_leaves_runs_to_resume(home: Path, running: Run):
    runs = start(3)
    until(lambda: state(runs, "waiting") and len(processes(home)) == 1)
    (waiter,) = processes(home)
    waiter.kill()
    until(lambda: not processes(home))
    until(lambda: state(runs, "interrupted"))
    for run in runs:
        launch.resume(run)
    until(lambda: state(runs, "waiting") and len(processes(home)) == 1)


@pytest.mark.parametrize("hosted", [False, True])
def test_the_line_has_an_end_and_a_shorter_one_where_it_is_hosted(home: Path, dataset: Version, monkeypatch, hosted):
    most = 8 if hosted else 20
    if hosted:
        monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    for _ in range(most):
        events.append(directory.create(dataset, TrainConfig()), "launched")
    before = directory.list_runs()
    for refused in (
        lambda: launch.begin(dataset, TrainConfig()),
        lambda: launch.start(before[0]),
    ):
        with pytest.raises(UserError, match=f"at most {most} may"):
            refused()
    assert directory.list_runs() == before


def test_a_hosted_page_leaves_its_runs_to_a_waiter_of_its_own(home: Path, monkeypatch):
    own = launch.waiter_lock()
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    assert launch.waiter_lock() != own


def test_a_run_that_cannot_be_started_in_its_turn_says_why(dataset: Version, monkeypatch):
    run = directory.create(dataset, TrainConfig())
    events.append(run, "launched", devices=["cpu"], waiter=launch.waits_for())

    def full(*_: object) -> int:
        raise UserError(f"run {run.title}", "it could not be started: no space.", "Free disk space and resume it.")

    monkeypatch.setattr(launch, "work", full)
    waiter.main()
    assert status(run).state == "failed" and "no space" in status(run).message


def test_a_run_is_not_started_twice_by_two_who_resume_it_at_once(dataset: Version, monkeypatch):
    """Whether it has ended is looked at while nobody else can start it."""
    run = directory.create(dataset, TrainConfig())
    events.append(run, "stopped", step=0)
    asked: list[bool] = []

    def seen(each: Run) -> Status:
        lock = FileLock(places.locks_dir() / "starts.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            asked.append(True)
        else:
            lock.release()
            asked.append(False)
        return status(each)

    monkeypatch.setattr(launch, "status", seen)
    monkeypatch.setattr(launch, "work", lambda run: 1)
    launch.resume(run)
    assert asked == [True]
