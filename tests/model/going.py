"""Runs that real workers train, followed until something is told of them."""

from __future__ import annotations

import psutil

from ft.runs import launch
from ft.runs.directory import Run
from ft.runs.status import status


def follow(run: Run, kind: str, step: int = 0, **fields: object) -> dict:
    """The first event of that kind, at `step` or later, that has these fields."""
    for event in launch.wait(run, poll=0.02):
        if event["kind"] == kind and (event.get("step") or 0) >= step and fields.items() <= event.items():
            return event
    raise AssertionError(f"the run ended first: {status(run)}")


def worker(run: Run) -> psutil.Process:
    """The process that trains it; on several GPUs the one that started the others."""
    of_run = {"ft.train.worker", str(run.path)}
    there = [each for each in psutil.process_iter(["cmdline"]) if of_run <= set(each.info["cmdline"] or [])]
    (first,) = (each for each in there if each.parent() not in there)
    return first


def end(run: Run) -> None:
    """Wait until the run is not going any more."""
    for _ in launch.wait(run, poll=0.05):
        pass


def finished(run: Run) -> Run:
    """Start the run, and give it when it has finished."""
    launch.start(run)
    end(run)
    assert status(run).state == "finished", status(run).message
    return run
