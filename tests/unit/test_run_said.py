"""What the page says of a run is what the run did, as far as that is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from synthetic_runs import events_of, write

from ft.runs.reader import Reader
from ft.ui import run_compare, run_view, runs

OVER = events_of(lambda epoch: 4.5 / (1 + epoch), lambda epoch: 4.5 - 2 * epoch if epoch <= 1 else 2 + epoch / 2)
TOLD = {
    "data": {"train": 100, "validation": 25},
    "data of which nothing is held out": {"train": 100, "validation": 0},
    "started": {"step": 0, "steps": 9},
    "validation": {"step": 0, "loss": 3.0},
    "step": {"step": 1, "loss": 3.0},
    "validation of step 1": {"step": 1, "loss": 2.0},
}
NO_STEP = "It has not taken a step, so it has learned nothing yet"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["waiting"], NO_STEP),
        (["preparing"], NO_STEP),
        (["data", "started", "validation"], NO_STEP),
        (["data of which nothing is held out", "started"], NO_STEP),
        (["data", "started", "validation", "step"], "It ended before its first validation"),
        (["data", "started", "step"], "It ended before its first validation"),
        (["data of which nothing is held out", "started", "step"], "No conversation was held out"),
        (["data", "started", "step", "validation of step 1"], "<strong>Validation loss 2.00</strong> on"),
        (["started", "step"], ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_said_of_a_run_that_was_stopped_is_what_it_did(home: Path, told: list[str], said: str):
    names = ["launched", *told, "stopped"]
    kinds = [{"kind": name.split()[0], "time": float(at), **TOLD.get(name, {})} for at, name in enumerate(names)]
    outcome = run_view.show(write(home, "stopped", kinds).id, reader=Reader())[2]
    assert outcome.value.removeprefix("<p>").startswith(said) and outcome.visible == bool(said)


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([(0, 1.38)], "1.38 before training"),
        ([(0, 1.38), (10, 0.02)], "1.38 → 0.0200"),
        ([(10, 2.0)], "2.00"),
        ([], ""),
    ],
)
def test_a_list_of_runs_says_the_losses_that_are_known_and_no_more(home: Path, losses: list[Any], said: str):
    first = next(number for number, event in enumerate(OVER) if event["kind"] == "step")
    validations = [{"kind": "validation", "time": 1.0, "step": step, "loss": loss} for step, loss in losses]
    begun = [event for event in OVER[:first] if event["kind"] != "validation"]
    steps = [event for event in OVER if event["kind"] == "step"]
    ids = [write(home, f"n{hour}", [*begun, *steps, *validations], hour=hour).id for hour in range(2)]
    compared, whole = run_compare.show(Reader(), ids, "validation"), runs.arrive(Reader(), "", "", None, [])
    choices = next(each for each in whole if isinstance(each, gr.CheckboxGroup)).choices
    assert re.findall('<td data-label="Validation loss">(.*?)</td>', whole[2]) == [said, said]
    assert [title.rpartition(" · ")[2] for title, _ in choices] == [said or "Interrupted"] * 2
    finer = re.sub(r"[\d.]+", lambda number: f"{float(number[0]):.3f}", said)
    cells = re.findall('<td data-label="Validation loss">(.*?)</td>', compared[2])
    assert [cell.partition(" at step")[0] for cell in cells] == [finer] * 2
