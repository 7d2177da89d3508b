"""One run to look at: state, progress, loss, log and what can be done with it. The Train and the Runs tab both show it.

Everything shown is read from the run's directory, so each visitor sees the same, also after a refresh or a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
import pandas as pd
from gradio.components import Component

from ft.chat.engine import checkpoints
from ft.errors import UserError
from ft.models import catalogue
from ft.runs import directory, events, launch, status
from ft.runs.curves import curves
from ft.runs.directory import Run
from ft.ui import alerts, run_words
from ft.ui.shared import Shared

TICK_SECONDS = 1.5
IDLE_SECONDS = 5.0  # a run that has ended may be resumed by somebody else
COLORS = {"training": "#8a94a6", "validation": "#2f6fde"}  # both clear on a light and on a dark page


@dataclass(frozen=True)
class RunView:
    """The components; `state` is the run's state, `seen` what the page shows already, so that nothing is sent twice."""

    head: gr.HTML
    outcome: gr.Markdown
    plot: gr.LinePlot
    log_fold: gr.Accordion
    log: gr.Textbox
    chat: gr.Button
    stop: gr.Button
    resume: gr.Button
    alert: gr.HTML
    timer: gr.Timer
    state: gr.State
    seen: gr.State

    @property
    def outputs(self) -> list[Component | gr.Accordion]:
        """Where `show` and `tick` put what they return."""
        return [getattr(self, field.name) for field in fields(self)]


def build() -> tuple[RunView, gr.Row]:
    """Lay the components out, empty; the row of buttons is given too, for what else a tab offers to do with the run."""
    head = gr.HTML(padding=False, elem_classes="bare")
    alert = alerts.place()
    outcome = gr.Markdown(visible=False, elem_classes="run-outcome")
    with gr.Row(elem_classes="actions") as actions:
        chat = gr.Button("Chat with it", variant="primary", visible=False, scale=0, min_width=140)
        stop = gr.Button("Stop", variant="stop", visible=False, scale=0, min_width=110)
        resume = gr.Button("Resume", visible=False, scale=0, min_width=110)
    plot = gr.LinePlot(
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
    with gr.Accordion("Log", open=False, visible=False) as log_fold:
        log = gr.Textbox(
            lines=8, max_lines=16, interactive=False, show_label=False, elem_classes="run-log", label="Log of the run"
        )
    view = RunView(
        head,
        outcome,
        plot,
        log_fold,
        log,
        chat,
        stop,
        resume,
        alert,
        gr.Timer(TICK_SECONDS, active=False),
        state=gr.State(""),
        seen=gr.State(""),
    )
    return view, actions


def connect(view: RunView, shared: Shared, run_id: Component) -> None:
    """Wire the view's buttons and its timer to the run that `run_id` holds."""
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    view.timer.tick(
        tick, [run_id, view.seen], view.outputs, queue=False, concurrency_limit=None, trigger_mode="once", **quiet
    )
    view.stop.click(stop, run_id, view.outputs, **quiet)
    view.resume.click(resume, run_id, view.outputs, **quiet)
    view.chat.click(to_chat, run_id, [shared.run, shared.tabs], **quiet)


def tick(run_id: str, seen: str) -> Any:
    """What changed since `seen`: nothing at all most of the time."""
    try:
        run = directory.find(run_id)
    except UserError:
        return show(run_id)
    found = events.read(run)
    now = _seen(run, status.status(run, found))
    return gr.skip() if now == seen else show(run_id)


def _seen(run: Run, now: status.Status) -> str:
    size = run.events_path.stat().st_size if run.events_path.exists() else 0
    log = run.log_path.stat().st_size if run.log_path.exists() else 0
    return f"{run.id} {now.state} {size} {log}"


def show(run_id: str, problem: UserError | None = None) -> tuple[Any, ...]:
    """Updates for all of `RunView.outputs` that show the run with that id ("" or one that is gone: nothing of it)."""
    try:
        run = directory.find(run_id) if run_id else None
    except UserError as error:
        run, problem = None, problem or error
    alert = alerts.shown(problem) if problem else alerts.hidden()
    if run is None:
        hidden = gr.update(visible=False)
        return (*[hidden] * 4, "", *[hidden] * 3, alert, gr.Timer(active=False), "", "")
    found = events.read(run)
    now = status.status(run, found)
    summary = status.summary(run)
    rows = run_words.thinned(curves(found))
    # The plot keeps the series that it was first drawn with, and the first validation comes before the first step.
    drawn = sum(row["kind"] == "training" for row in rows) > 1  # one point is no line
    text = run_words.outcome(summary, now.state)
    log = status.log_tail(run)
    return (
        gr.HTML(run_words.state_html(run.config, model_title(run), now, found), visible=True),
        gr.Markdown(text, visible=bool(text)),
        _plot(rows, now) if drawn else gr.LinePlot(visible=False),
        gr.Accordion(visible=bool(log)),
        log,
        gr.Button(visible=bool(checkpoints(run)), variant="secondary" if now.live else "primary"),
        gr.Button(visible=now.live and now.state != "stopping"),
        gr.Button(visible=now.state in ("stopped", "failed", "interrupted")),
        alert,
        gr.Timer(TICK_SECONDS if now.live else IDLE_SECONDS, active=True),
        now.state,
        _seen(run, now),
    )


def _plot(rows: list[dict[str, Any]], now: status.Status) -> gr.LinePlot:
    frame = pd.DataFrame(rows, columns=["step", "loss", "kind"])
    # While it is going, the axis is as long as the run will be: the line shows how far it is.
    return gr.LinePlot(frame, x_lim=[0, now.steps if now.live else int(frame.step.max())], visible=True)


def model_title(run: Run) -> str:
    """The base model's name for people: as it was written where its folder is gone."""
    try:
        return catalogue.resolve(run.config.train.model).title
    except UserError:
        return run.config.train.model


def stop(run_id: str) -> tuple[Any, ...]:
    """Ask the run to stop."""
    try:
        launch.stop(directory.find(run_id))
    except UserError as error:
        return show(run_id, error)
    return show(run_id)


def resume(run_id: str) -> tuple[Any, ...]:
    """Start the run again from its last checkpoint."""
    try:
        launch.resume(directory.find(run_id))
    except UserError as error:
        return show(run_id, error)
    return show(run_id)


def to_chat(run_id: str) -> tuple[str, gr.Tabs]:
    """Choose the run and go to the Chat tab."""
    return run_id, gr.Tabs(selected="chat")
