"""The nine states of a run, each from its files and its lock alone."""

import json
from pathlib import Path

import pytest

from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.runs import directory, events
from ft.runs.directory import Run
from ft.runs.status import LIVE, log_tail, status

LONG_AGO = 1.0  # seconds since 1970


@pytest.fixture
def run(home: Path) -> Run:
    return directory.create(Version("sample", "v1", home), TrainConfig())


def write(run: Run, *kinds: str, **last: object) -> None:
    """Events of long ago, the last with the fields `last`."""
    told = [{"time": LONG_AGO, "kind": kind} for kind in kinds]
    told[-1].update(last)
    run.events_path.write_text("".join(json.dumps(event) + "\n" for event in told))


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        (["launched"], "preparing"),
        (["launched", "waiting"], "waiting"),
        (["launched", "waiting", "preparing"], "preparing"),
        (["launched", "preparing", "data"], "preparing"),
        (["launched", "preparing", "data", "started"], "running"),
        (["launched", "started", "step", "validation", "checkpoint"], "running"),
        (["launched", "started", "stopped", "launched"], "preparing"),
        (["launched", "started", "failed", "launched", "started", "step"], "running"),
    ],
)
def test_a_held_lock_is_a_live_worker_which_does_what_it_told_last(run: Run, hold, kinds: list[str], state: str):
    write(run, *kinds)
    with hold(run.lock_path):
        assert status(run).state == state and status(run).live
    assert status(run).state == "interrupted" and not status(run).live


def test_a_worker_that_is_killed_leaves_an_interrupted_run(run: Run, hold):
    events.append(run, "launched")
    events.append(run, "started", step=0, steps=9)
    events.append(run, "step", step=4, steps=9, loss=2.0, seconds_left=50.0)
    with hold(run.lock_path) as worker:
        assert (status(run).state, status(run).seconds_left) == ("running", 50.0)
        worker.kill()
        worker.wait()
        now = status(run)
    assert (now.state, now.step, now.steps, now.seconds_left) == ("interrupted", 4, 9, None)
    (run.checkpoints / "checkpoint-3").mkdir(parents=True)
    assert "from its last checkpoint" in status(run).message


@pytest.mark.parametrize("kind", ["finished", "stopped", "failed"])
def test_an_end_that_was_told_counts_though_the_lock_is_held_a_moment_longer(run: Run, hold, kind: str):
    write(run, "launched", "started", "step", kind, given="a", why="b", todo="c")
    run.stop_path.touch()
    with hold(run.lock_path):
        assert status(run).state == kind and not status(run).live
    assert status(run).state == kind


def test_a_run_asked_to_stop_is_stopping_while_its_worker_lives_and_not_after(run: Run, hold):
    write(run, "launched", "started", "step")
    run.stop_path.touch()
    with hold(run.lock_path):
        assert status(run).state == "stopping" and status(run).live
    assert status(run).state == "interrupted"


def test_a_new_run_is_on_its_way_and_one_whose_worker_never_came_is_interrupted(run: Run):
    assert status(run).state == "queued" and status(run).live
    run.log_path.write_text("something\nsh: no such command\n")
    write(run, "launched")
    assert status(run).state == "interrupted" and "sh: no such command" in status(run).message


def test_a_run_that_was_made_long_ago_and_never_started_is_not_on_its_way(run: Run):
    path = run.path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "created": "2020-01-01T00:00:00+00:00"}))
    assert status(run).state == "interrupted"


def test_who_is_waited_for_is_said(run: Run, hold):
    write(run, "launched", "waiting", behind="20260101-sample-ffff")
    with hold(run.lock_path):
        assert "20260101-sample-ffff" in status(run).message


def test_a_failed_run_says_what_was_given_why_it_failed_and_what_to_do(run: Run):
    write(run, "launched", "failed", given="batch size 64", why="it needs more memory.", todo="Halve it.")
    assert status(run).message == "batch size 64: it needs more memory. Halve it."


def test_a_run_that_ended_early_says_why(run: Run):
    write(run, "launched", "started", "finished", reason="early_stopping")
    assert status(run).state == "finished" and "ended early" in status(run).message


def test_looking_at_a_run_changes_nothing_in_its_folder(run: Run):
    write(run, "launched", "started", "step")
    before = {path.name: path.stat().st_mtime_ns for path in run.path.iterdir()}
    assert status(run).state not in LIVE
    assert {path.name: path.stat().st_mtime_ns for path in run.path.iterdir()} == before


def test_the_end_of_a_long_log_is_read_whatever_bytes_are_in_it(run: Run):
    assert log_tail(run) == ""
    run.log_path.write_bytes(b"\xff\xfe" * 100_000 + b"\nbefore\nlast\n")
    assert log_tail(run, 2) == "before\nlast"
