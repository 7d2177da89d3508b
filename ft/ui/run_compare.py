"""Runs beside each other, on the Runs tab: choose two or more, see their curves on one chart and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
import pandas as pd
from gradio.components import Component
from gradio.events import Dependency

from ft.errors import UserError
from ft.runs import directory, names
from ft.runs.compare import Comparison, Told, compare, losses, told
from ft.runs.curves import thinned
from ft.runs.reader import Reader
from ft.ui import alerts, run_compare_words, run_words
from ft.ui.run_charts import steps_axis
from ft.ui.run_compare_words import COLORS, LETTERS, series
from ft.ui.tab import mark, on_change, what_is_drawn

POINTS = 200  # of each run
LINES = (("Validation loss", "validation"), ("Training loss, smoothed", "training"))
# Before the other inputs of an event: the runs to compare that the address names.
READ_LINK = '(link, ...rest) => [new URLSearchParams(window.sidetune.link).get("compare") || "", ...rest]'
_WRITE = '(ids) => { window.sidetune.write({compare: ids.length > 1 ? ids.join(",") : ""}); return []; }'


@dataclass(frozen=True)
class Comparing:
    """The components. `whole` is hidden where there are no two runs; `drawn` changes with what is shown."""

    whole: gr.Column
    fold: gr.Accordion
    chosen: gr.CheckboxGroup
    lines: gr.Radio
    plot: gr.LinePlot
    tables: gr.HTML
    problem: gr.HTML
    drawn: gr.Textbox

    @property
    def outputs(self) -> list[Component | gr.Column]:
        """Where `offer` puts what it returns."""
        return [self.whole, self.chosen]

    @property
    def shown(self) -> list[Component]:
        """Where `show` puts what it returns."""
        return [self.lines, self.plot, self.tables, self.problem, self.drawn]


def build() -> Comparing:
    """Lay the components out, empty."""
    with gr.Column(visible=False) as whole, gr.Accordion("Compare runs", open=False) as fold:
        chosen = gr.CheckboxGroup([], label="Runs to compare", info="two or more", elem_classes="choice-list")
        lines = gr.Radio(list(LINES), value="validation", show_label=False, label="Lines on the chart", visible=False)
        problem = alerts.place()
        plot = gr.LinePlot(
            x="step", y="loss", color="run", x_title="Step", height=300, tooltip="all", visible=False, show_label=False
        )
        tables = gr.HTML(padding=False, elem_classes="bare")
    return Comparing(whole, fold, chosen, lines, plot, tables, problem, what_is_drawn())


def connect(comparing: Comparing, reader: Reader, listing: Sequence[Dependency]) -> None:
    """Wire the choice; the comparison is looked at anew after each of the events that may make other lists of runs."""
    on_change(
        [*listing, comparing.chosen.input, comparing.lines.input],
        partial(show, reader),
        [comparing.chosen, comparing.lines, comparing.drawn],
        comparing.shown,
        trigger_mode="always_last",
    )
    comparing.chosen.change(None, comparing.chosen, None, js=_WRITE, api_visibility="private")


def offer(
    known: Sequence[dict[str, Any]], before: Sequence[str], named: Sequence[str] | None = None
) -> tuple[Any, ...]:
    """The runs that there are to choose from, from their summaries, with those `named` chosen; else, of those chosen
    `before`, the ones that are still there."""
    gone = set(before) - {each["run"] for each in known}
    # Said only where it is another: an answer that comes late must not take back a later choice.
    value: dict[str, Any] = {"value": [each for each in before if each not in gone]} if gone else {}
    value = value if named is None else {"value": list(named)}
    return gr.Column(visible=len(known) > 1), gr.CheckboxGroup(_choices(known), **value)


def show(reader: Reader, chosen: Sequence[str], lines: str, drawn: str = "") -> Any:
    """The chart and the tables of the chosen runs; nothing of fewer than two. Nothing is sent again that is `drawn`."""
    hidden = gr.update(visible=False)
    if len(chosen) < 2:
        return (hidden, hidden, "", alerts.hidden(), "") if drawn else gr.skip()
    try:
        runs = {each: told(directory.find(each), reader) for each in chosen}
        now = mark(repr((lines, [(each.id, each.figures, each.curves.steps) for each in runs.values()])))
        if now == drawn:
            return gr.skip()
        found = compare(list(runs.values()))
    except UserError as error:
        return hidden, hidden, "", alerts.shown(error), mark(str(error))
    return gr.Radio(visible=True), _plot(found, runs, lines), run_compare_words.tables(found), alerts.hidden(), now


def _plot(found: Comparison, runs: dict[str, Told], lines: str) -> gr.LinePlot:
    named = [(series(letter, each.name), each.run) for letter, each in zip(LETTERS, found.outcomes, strict=False)]
    drawn = [(name, losses(runs[run_id], lines)) for name, run_id in named]
    rows = [(step, loss, letter) for letter, points in drawn for step, loss in thinned(points, POINTS)]
    return gr.LinePlot(
        pd.DataFrame(rows, columns=["step", "loss", "run"]),
        # The plot keeps the series that it was first drawn with, until its colours are others.
        color_map={letter: color for (letter, points), color in zip(drawn, COLORS, strict=False) if points},
        color_title="Run",
        y_title="Validation loss per token" if lines == "validation" else "Training loss per token, smoothed",
        x_lim=steps_axis(max((step for step, *_ in rows), default=0)),
        visible=bool(rows),
    )


def _choices(known: Sequence[dict[str, Any]]) -> Any:
    """(title, id) of each."""
    labels = names.labels({each["run"]: each["name"] for each in known})
    return [(_title({**each, "name": labels[each["run"]]}), each["run"]) for each in known]


def _title(figures: dict[str, Any]) -> str:
    loss = run_words.loss_change(figures["validation_loss_before"], figures["validation_loss_after"])
    parts = (figures["name"], run_words.STATES[figures["status"]], loss)
    return " · ".join(part for part in parts if part)
