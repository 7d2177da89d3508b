"""The comparison of runs: what is sent to the page, and that nothing is sent unescaped."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from synthetic_runs import events_of, write

from ft.config import TrainConfig
from ft.runs.compare import compare, told
from ft.runs.directory import Run
from ft.runs.reader import Reader
from ft.runs.status import summary
from ft.ui import (
    run_compare,
    run_compare_words,
    runs,
)

OVER = events_of(lambda epoch: 4.5 / (1 + epoch), lambda epoch: 4.5 - 2 * epoch if epoch <= 1 else 2 + epoch / 2)


def frame(plot: gr.LinePlot) -> list[list[Any]]:
    return plot.value["data"] if isinstance(plot.value, dict) else plot.value.data


@pytest.fixture
def compared(home: Path) -> list[Run]:
    low = events_of(lambda epoch: 2 + 2 / (1 + epoch), lambda epoch: 2.1 + 2 / (1 + epoch))
    odd = TrainConfig(model="<b>odd</b>", learning_rate=2e-4)
    return [write(home, "over", OVER), write(home, "<i>low", low, odd, hour=1)]


def test_a_comparison_marks_the_best_and_escapes_what_others_wrote(compared):
    html = run_compare_words.tables(compare([told(run, Reader()) for run in compared]))
    assert html.count("(best)") == 1 and "learning rate" in html and "0.0002" in html and "base model" in html
    assert "<b>odd" not in html and "<i>low" not in html and "&lt;b&gt;odd" in html


def test_the_chart_of_all_has_a_line_for_each_run_under_the_letter_of_its_row(compared):
    lines, plot, tables, _ = run_compare.show(Reader(), [run.id for run in compared], "validation")
    assert lines.visible and set(plot.color_map) == {row[2] for row in frame(plot)}
    assert [each[:4] for each in plot.color_map] == ["A · ", "B · "]
    best = compare([told(run, Reader()) for run in compared]).outcomes[0]
    assert tables.index(escape(best.run)) < tables.index("<strong>B</strong>")
    training = run_compare.show(Reader(), [run.id for run in compared], "training")[1]
    assert "smoothed" in training.y_title and len(frame(training)) > len(frame(plot))


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
    compared, whole = run_compare.show(Reader(), ids, "validation"), runs.arrive(Reader(), "", None, [])
    table, choices = whole[2], next(each for each in whole if isinstance(each, gr.CheckboxGroup)).choices
    assert [row[runs.HEADERS.index("Validation loss")] for row in table] == [said, said]
    assert [title.rpartition(" · ")[2] for title, _ in choices] == [said or "Interrupted"] * 2
    finer = re.sub(r"[\d.]+", lambda number: f"{float(number[0]):.3f}", said)
    cells = re.findall('<td data-label="Validation loss">(.*?)</td>', compared[2])
    assert [cell.partition(" at step")[0] for cell in cells] == [finer] * 2


def test_one_run_alone_is_no_comparison_and_one_that_is_gone_is_said(compared):
    assert run_compare.show(Reader(), [compared[0].id], "validation")[2] == ""
    assert "no such run" in str(run_compare.show(Reader(), [compared[0].id, "gone"], "validation")[3])


def test_a_link_opens_the_comparison_that_it_names_and_leaves_out_what_is_gone(compared):
    one, two = (run.id for run in compared)
    whole, chosen, fold = run_compare.arrive(Reader(), f"{one},gone,{two}")
    assert whole.visible and set(chosen.value) == {one, two} and fold.open
    assert run_compare.arrive(Reader(), "")[1].value == []


def test_what_was_chosen_stays_unless_it_is_deleted(compared):
    known = [summary(run) for run in compared]
    one, two = (run.id for run in compared)
    assert run_compare.offer(known, [one, two])[1].constructor_args.get("value") is None
    assert run_compare.offer(known[:1], [one, two])[1].value == [one]
