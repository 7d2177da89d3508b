"""A run's curves: the same however its events are read, and all that a chart must not lose."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_runs import events_of, write

from ft.runs import events
from ft.runs.curves import MEASURES, Curves, smoothed, thinned, window
from ft.runs.reader import Reader
from ft.runs.status import status, summary

EVENTS = events_of(lambda epoch: 4 - epoch, lambda epoch: 4.2 - epoch, noise=0.3, end="stopped", last=60)
RESUMED = [
    {"time": 1.0, "kind": "launched"},
    {"time": 2.0, "kind": "started", "step": 50, "steps": 120, "resumed_from": 50},
    *({**event, "loss": 9.0} for event in EVENTS if 50 < (event.get("step") or 0) <= 55 and event["kind"] == "step"),
]


def drawn(curves: Curves) -> list:
    return [*(curves.points(name) for name in MEASURES), curves.validations(), curves.accuracy(), curves.told]


@given(st.lists(st.integers(0, len(EVENTS) + len(RESUMED)), max_size=6))
def test_however_a_run_is_read_its_curves_are_the_same(cuts):
    """In one go after a restart of the app, or bit by bit while it goes."""
    everything, live = EVENTS + RESUMED, Curves()
    edges = [0, *sorted(cuts), len(everything)]
    for start, end in pairwise(edges):
        live = live.copy()
        live.add(everything[start:end])
    assert drawn(live) == drawn(Curves.of(everything))


def test_of_a_resumed_run_only_what_stands_is_drawn():
    curves = Curves.of(EVENTS + RESUMED)
    loss = curves.points("loss")
    assert [step for step, _ in loss] == list(range(1, 56)) and {value for step, value in loss if step > 50} == {9.0}
    assert curves.validations()[-1]["step"] == 50 and curves.steps == 55
    assert curves.epoch(40) == 1.0 and curves.epoch(0) is None


def test_what_is_kept_of_the_events_says_the_same_as_all_of_them(home: Path):
    run = write(home, "whole", EVENTS)
    found = events.read(run)
    kept = Curves.of(found).told
    assert len(kept) < len(found) / 2
    assert status(run, kept) == status(run, found)
    assert max(e.get("memory_bytes") or 0 for e in kept) == max(e.get("memory_bytes") or 0 for e in found)


def test_a_reader_reads_on_from_where_it_was_and_what_it_gave_before_stays(home: Path):
    run = write(home, "whole", EVENTS)
    reader = Reader(kept=2)
    first = reader.read(run)
    before = drawn(first)
    assert reader.read(run) is first
    with run.events_path.open("a") as file:
        file.writelines(json.dumps(event) + "\n" for event in RESUMED)
    assert drawn(reader.read(run)) == drawn(Curves.of(EVENTS + RESUMED))
    assert drawn(first) == before
    assert summary(run, reader.read(run)) == summary(run)


def test_a_reader_of_many_runs_forgets_none_of_what_they_told(home: Path):
    runs = [write(home, f"run{number}", EVENTS[: 4 + number], hour=number) for number in range(5)]
    reader = Reader(kept=2)
    for _ in range(2):
        assert [drawn(reader.read(run)) for run in runs] == [drawn(Curves.of(events.read(run))) for run in runs]


POINTS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400).map(lambda values: list(enumerate(values, 1)))


@given(POINTS, st.integers(6, 100))
def test_a_thinned_line_keeps_its_ends_its_peaks_and_its_order(points, limit):
    kept = thinned(points, limit)
    assert len(kept) <= max(limit, 2) and kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    values = [value for _, value in points]
    assert {min(values), max(values)} <= {value for _, value in kept}


@given(POINTS, st.integers(1, 50))
def test_a_smoothed_line_is_the_mean_of_the_last_figures(points, over):
    for index, (step, value) in enumerate(smoothed(points, over)):
        last = [each for _, each in points[max(0, index + 1 - over) : index + 1]]
        assert step == points[index][0] and math.isclose(value, sum(last) / len(last), abs_tol=1e-6, rel_tol=1e-9)


@pytest.mark.parametrize(("steps", "over"), [(5, 0), (10, 0), (11, 5), (1000, 20), (100_000, 2000)])
def test_how_much_is_smoothed_follows_the_length_of_the_run(steps, over):
    assert window(steps) == over
