"""The charts of one run: its loss, and folded away under it what else its events tell, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd
from gradio.components import Component

from ft import figures
from ft.runs.curves import Curves, Point, smoothed, thinned, window
from ft.runs.status import Status
from ft.ui import run_values
from ft.ui.tab import PRIVATE

POINTS = 300  # more than a chart has room for
SMOOTHED = "training, smoothed"
# All clear on a light and on a dark page.
COLORS = {"training": "#858f9e", SMOOTHED: "#c77d1e", "validation": "#2f6fde"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A small chart: what it shows of the curves, in which unit, and what that is in plain words."""

    points: Callable[[Curves], list[Point]]
    title: str
    about: str
    unit: float = 1.0


def _of(name: str) -> Callable[[Curves], list[Point]]:
    def points(curves: Curves) -> list[Point]:
        return curves.points(name)

    return points


MEASURES = (
    Measure(_of("learning_rate"), "Learning rate", "how much the model may change in a step"),
    Measure(_of("grad_norm"), "Gradient norm", "how strongly a batch pulls at the weights; a peak is an odd batch"),
    Measure(_of("tokens_per_second"), "Speed (tokens/s)", "without padding"),
    Measure(_of("memory_bytes"), "Memory (GB)", "in use at the end of a step", 2**30),
    Measure(
        Curves.accuracy,
        "Token accuracy (%)",
        "how often the likeliest was the right one in held-out replies",
        0.01,
    ),
)
_ABOUT = " · ".join(f"{each.title.partition(' (')[0]}: {each.about}" for each in MEASURES)


@dataclass(frozen=True)
class Charts:
    """The components; `opened` says whether the fold is open: what nobody sees is not sent while a run goes on."""

    loss: gr.LinePlot
    note: gr.HTML
    fold: gr.Accordion
    small: list[gr.LinePlot]
    values: gr.HTML
    opened: gr.State

    @property
    def outputs(self) -> list[Component | gr.Accordion]:
        """Where `show` puts what it returns."""
        return [self.loss, self.note, self.fold, *self.inside]

    @property
    def inside(self) -> list[Component]:
        """What is in the fold."""
        return [*self.small, self.values]


def build() -> Charts:
    """Lay the charts out, hidden."""
    loss = gr.LinePlot(
        x="step",
        y="loss",
        color="kind",
        color_map=COLORS,
        color_title="Loss",
        x_title="Step",
        y_title="Loss per trained token",
        tooltip="all",
        height=280,
        visible=False,
        show_label=False,
    )
    note = gr.HTML(visible=False, padding=False)
    with gr.Accordion("More charts", open=False, visible=False) as fold:
        gr.HTML(f'<p class="note">{_ABOUT}</p>', padding=False)
        with gr.Row(elem_classes="small-charts"):
            small = [
                gr.LinePlot(
                    x="step",
                    y="value",
                    x_title="Step",
                    y_title=each.title,
                    height=200,
                    min_width=280,
                    show_label=False,
                )
                for each in MEASURES
            ]
        with gr.Accordion("Values as a table", open=False):
            values = gr.HTML(padding=False)
    return Charts(loss, note, fold, small, values, gr.State(False))


def connect(charts: Charts, draw: Callable[[str], list[Any]], run_id: Component) -> None:
    """Fill the fold when it is opened; `draw` gives what `inside` shows of the run with that id."""
    charts.fold.expand(_open, None, charts.opened, **PRIVATE)
    charts.fold.expand(draw, run_id, charts.inside, **PRIVATE)
    charts.fold.collapse(_shut, None, charts.opened, **PRIVATE)


def hidden() -> list[Any]:
    """What `outputs` show of no run."""
    unseen = gr.update(visible=False)
    return [unseen, unseen, unseen, *[gr.skip() for _ in MEASURES], ""]


def show(curves: Curves, now: Status, opened: bool) -> list[Any]:
    """What `outputs` show of a run; what is in the fold only where that is `opened`."""
    loss = curves.points("loss")
    if len(loss) < 2:  # one point is no line, and the first validation comes before the first step
        return hidden()
    within = inside(curves, now) if opened else [gr.skip() for _ in range(len(MEASURES) + 1)]
    over = window(max(now.steps, curves.steps))
    return [_loss(curves, loss, now, over), _note(curves, over, now.live), gr.Accordion(visible=True), *within]


def unchanged() -> list[Any]:
    """What `outputs` show already."""
    return [gr.skip() for _ in range(len(MEASURES) + 4)]


def inside(curves: Curves, now: Status) -> list[Any]:
    """What the charts and the table in the fold show."""
    end = _end(curves, now)
    plots = [_small(each.points(curves), each.unit, end) for each in MEASURES]
    return [*plots, run_values.table(curves)]


def drawn(curves: Curves, now: Status) -> str:
    """Changes exactly when the charts do."""
    told = ("step", "validation", "started")
    newest: dict[str, Any] = next((each for each in reversed(curves.told) if each["kind"] in told), {})
    return f"{curves.steps} {newest.get('time')} {_end(curves, now)}"


def _loss(curves: Curves, training: Sequence[Point], now: Status, over: int) -> gr.LinePlot:
    series = {"training": training}
    if over:
        series[SMOOTHED] = smoothed(training, over)
    validations = [(each["step"], each["loss"]) for each in curves.validations()]
    if len(validations) > 1:  # one point is no line: it stands in the note
        series["validation"] = validations
    rows = [(step, loss, kind) for kind, points in series.items() for step, loss in thinned(points, POINTS)]
    return gr.LinePlot(
        pd.DataFrame(rows, columns=["step", "loss", "kind"]),
        # The plot keeps the series that it was first drawn with, until its colours are others.
        color_map={kind: COLORS[kind] for kind in series},
        x_lim=steps_axis(_end(curves, now)),
        visible=True,
    )


def _note(curves: Curves, over: int, live: bool) -> gr.HTML:
    said = []
    if over:
        said.append(f"Training loss is that of one step; smoothed, it is the mean of the last {over:,} steps.")
    validations = curves.validations()
    if len(validations) == 1:
        (only,) = validations
        next_one = "; its line begins with the next" if live else ""
        said.append(f"Validation loss is {figures.loss(only['loss'])} at step {only['step']:,}{next_one}.")
    return gr.HTML(f'<p class="note">{" ".join(said)}</p>', visible=bool(said))


def _small(points: Sequence[Point], unit: float, end: int) -> gr.LinePlot:
    rows = [(step, value / unit) for step, value in thinned(points, POINTS)]
    return gr.LinePlot(pd.DataFrame(rows, columns=["step", "value"]), x_lim=steps_axis(end), visible=len(rows) > 1)


def steps_axis(end: int) -> list[float | None]:
    """The limits of an axis of steps up to `end`. One of fewer than 20 steps, as wide as the page, would be marked at
    parts of steps: Vega puts a mark every 40 pixels or so."""
    return [0, max(end, 20)]


def _end(curves: Curves, now: Status) -> int:
    """While it is going, an axis is as long as the run will be: the line shows how far it is."""
    return now.steps if now.live and now.steps else curves.last_step


def _open() -> bool:
    return True


def _shut() -> bool:
    return False
