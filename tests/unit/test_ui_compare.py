"""The comparison of runs: what is sent to the page, and that nothing is sent unescaped."""

from __future__ import annotations

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
    lines, plot, tables, *_ = run_compare.show(Reader(), [run.id for run in compared], "validation")
    assert lines.visible and set(plot.color_map) == {row[2] for row in frame(plot)}
    assert [each[:4] for each in plot.color_map] == ["A · ", "B · "]
    best = compare([told(run, Reader()) for run in compared]).outcomes[0]
    assert tables.index(escape(best.run)) < tables.index("<strong>B</strong>")
    training = run_compare.show(Reader(), [run.id for run in compared], "training")[1]
    assert "smoothed" in training.y_title and len(frame(training)) > len(frame(plot))


def test_one_run_alone_is_no_comparison_and_one_that_is_gone_is_said(compared):
    assert run_compare.show(Reader(), [compared[0].id], "validation", "something")[2] == ""
    assert "no such run" in str(run_compare.show(Reader(), [compared[0].id, "gone"], "validation")[3])


def test_a_link_opens_the_comparison_that_it_names_and_leaves_out_what_is_gone(compared):
    one, two = (run.id for run in compared)
    _, _, _, whole, chosen, *_, fold, arrived = runs.arrive(Reader(), f"{one},gone,{two}", "", None, [])
    assert whole.visible and set(chosen.value) == {one, two} and fold.open and arrived
    assert runs.arrive(Reader(), "", "", None, [])[4].value == []


def test_what_was_chosen_stays_unless_it_is_deleted(compared):
    known = [summary(run) for run in compared]
    one, two = (run.id for run in compared)
    assert run_compare.offer(known, [one, two])[1].constructor_args.get("value") is None
    assert run_compare.offer(known[:1], [one, two])[1].value == [one]
