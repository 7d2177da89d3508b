"""Stop now: the worker is gone at once, whatever it does; and what a run says while it stops."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import pytest
from synthetic_runs import events_of, write

from ft.cli import main
from ft.errors import UserError
from ft.runs import events, launch, stopping
from ft.runs.curves import Curves
from ft.runs.directory import Run
from ft.runs.reader import Reader
from ft.runs.status import is_locked, status
from ft.ui import api, run_view

DEAF = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(3600)
"""


@contextmanager
def deaf_worker(run: Run) -> Iterator[subprocess.Popen]:
    """A process that looks like the run's worker, holds its lock and heeds nothing."""
    command = [sys.executable, "-c", DEAF, str(run.lock_path), "-m", "ft.train.worker", str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def going(home: Path, monkeypatch) -> Run:
    """A run in the middle of its training, as its events say."""
    monkeypatch.setattr(stopping, "_OBEYS_SECONDS", 0.5)
    told = events_of(lambda epoch: 4 - epoch, None, steps=20, last=7, end="")
    return write(home, "going", told)


@pytest.mark.parametrize("by", ["command line", "API", "page"])
def test_a_worker_that_does_not_obey_is_killed_and_its_run_is_stopped(going: Run, capsys, by: str):
    with deaf_worker(going) as worker:
        if by == "command line":
            assert main(["stop", going.id, "--now"]) == 0
            assert f"sidetune resume {going.id}" in capsys.readouterr().out
        elif by == "API":
            assert api.stop(going.id, now=True)["status"] == "stopped"
        else:
            launch.stop(going)
            shown = run_view.stop_now(Reader(), going.id)
            assert "stopped" in shown and any("last checkpoint" in str(getattr(each, "value", "")) for each in shown)
        worker.wait(60)
    now = status(going)
    assert (now.state, now.step, is_locked(going)) == ("stopped", 7, False)
    assert events.read(going)[-1]["kind"] == "stopped"


def test_a_process_that_cannot_be_found_here_is_said_and_nothing_is_told_of_its_run(going: Run, hold):
    with hold(going.lock_path):
        with pytest.raises(UserError, match="End it on the machine"):
            stopping.stop_now(going)
        assert status(going).state == "stopping"
    assert events.read(going)[-1]["kind"] == "step"


def test_a_run_that_is_not_going_cannot_be_ended(home: Path):
    run = write(home, "over", events_of(lambda epoch: 4 - epoch, None, steps=20))
    with pytest.raises(UserError, match="it is finished, so there is nothing to stop"):
        stopping.stop_now(run)
    assert not run.stop_path.exists()


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("step", {"step": 8, "steps": 20}, "Stopping at the end of this step, then saving a checkpoint."),
        ("doing", {"what": "Validating", "batch": 3, "batches": 12}, "Stopping. Validating, batch 3 of 12."),
        ("doing", {"what": "Saving the adapter"}, "Stopping. Saving the adapter."),
        ("checkpoint", {"step": 8}, "Stopping. Its checkpoint is saved."),
    ],
)
def test_a_run_says_what_it_still_does_before_it_stops_and_offers_to_end_at_once(
    going: Run, hold, kind: str, fields: dict, words: str
):
    events.append(going, kind, **fields)
    with hold(going.lock_path):
        before = buttons(going)
        launch.stop(going)
        assert status(going).message == words
        shown = run_view.show(going.id, reader=Reader())
        assert words.rstrip(".") in shown[1].value and "Stop now ends it at once" in shown[1].value
        assert before == {"Stop": (True, True), "Stop now": (False, True)}
        assert buttons(going) == {"Stop": (True, False), "Stop now": (True, True)}


def buttons(run: Run) -> dict[str, tuple[bool, bool]]:
    """Whether Stop and Stop now are there, and can be pressed."""
    with gr.Blocks():
        view, _ = run_view.build("runs")
    shown = dict(zip(view.outputs, run_view.show(run.id, reader=Reader()), strict=True))
    return {each.value: (shown[each].visible, shown[each].interactive) for each in (view.stop, view.stop_now)}


@pytest.mark.parametrize("what", ["Validating", "Answering the sample questions"])
def test_a_run_that_does_something_between_its_steps_says_what(going: Run, hold, what: str):
    events.append(going, "doing", what=what)
    with hold(going.lock_path):
        assert (status(going).state, status(going).message) == ("running", what)
        assert status(going, Reader().read(going).told).message == what
        assert f"<p>{what}.</p>" in run_view.show(going.id, reader=Reader())[1].value
        events.append(going, "step", step=8, steps=20)
        assert status(going).message == "Training"


def test_of_what_a_run_did_between_its_steps_only_what_it_does_now_is_kept_in_memory():
    told = [{"time": 1.0, "kind": "started", "step": 0}]
    for step in range(1, 100):
        told.append({"time": 1.0, "kind": "step", "step": step, "memory_bytes": step})
        told += [{"time": 1.0, "kind": "doing", "what": "Validating", "batch": n, "batches": 9} for n in range(1, 9)]
    kept = Curves.of(told).told
    assert [each["kind"] for each in kept] == ["started", "step", "doing"] and kept[-1]["batch"] == 8
