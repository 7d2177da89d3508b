"""One run to look at: state, progress, charts, advice, log, what can be done with it. Train and Runs both show it.

Everything shown is read from the run's directory, so each visitor sees the same, also after a refresh or a restart.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.chat.checkpoints import checkpoints
from ft.errors import UserError
from ft.models import catalogue
from ft.runs import directory, launch, status, stopping
from ft.runs.curves import Curves
from ft.runs.directory import Run
from ft.runs.reader import Reader
from ft.ui import alerts, marks, run_advice, run_charts, run_download, run_probes, run_words
from ft.ui.run_advice import Advice
from ft.ui.run_charts import Charts
from ft.ui.run_download import Download
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, follow, mark, own_tab, what_is_drawn

TICK_SECONDS = 1.5
IDLE_SECONDS = 5.0  # a run that has ended may be resumed by somebody else
_NOTHING = ""  # the marks of nothing
# A log that is in sight goes on to its new end, but not where somebody has scrolled up to read. (Gradio 6.31 scrolls a
# text box to its end only as it is typed into.)
_FOLLOW_LOG = """() => {
  for (const box of document.querySelectorAll(".run-log textarea")) {
    if (!box.checkVisibility()) continue;
    if (box.scrollTop + box.clientHeight >= (box.seen ?? 0) - 40) box.scrollTop = box.scrollHeight;
    box.seen = box.scrollHeight;
  }
}"""
_MATCH = """(run, shown) => {
  document.getElementById("BODY")?.toggleAttribute("inert", (run ?? "") !== (shown ?? ""));
}"""
# Once it is opened, Gradio fills the box and sets its height some frames later: it is at its end when it stays there.
_SHOW_LOG_END = """async () => {
  for (let frames = 0, still = 0; still < 10 && frames < 600; frames++) {
    await new Promise(requestAnimationFrame);
    for (const box of document.querySelectorAll(".run-log textarea")) {
      if (!box.checkVisibility() || !box.value) continue;
      const before = box.scrollTop;
      box.scrollTop = box.seen = box.scrollHeight;
      still = before === box.scrollTop ? still + 1 : 0;
    }
  }
}"""


@dataclass(frozen=True)
class RunView:
    """The components; `shown` holds the id of the run that they show, and the buttons act on that one.

    `state` is its state, `seen` what the page shows already, so that nothing is sent twice: "run" changes when anything
    of the run does, "charts" when they do. `reader` reads each event once for all pages.
    """

    body: gr.Column
    shown: gr.Textbox
    head: gr.HTML
    outcome: gr.HTML
    advice: Advice
    charts: Charts
    probes_fold: gr.Accordion
    probes: gr.HTML
    log_fold: gr.Accordion
    log: gr.Textbox
    chat: gr.Button
    stop: gr.Button
    stop_now: gr.Button
    resume: gr.Button
    download: Download
    alert: gr.HTML
    timer: gr.Timer
    state: gr.State
    seen: gr.Textbox
    reader: Reader

    @property
    def outputs(self) -> list[Component | gr.Accordion | gr.Column]:
        """Where `show` and `tick` put what they return."""
        return [
            *(self.shown, self.head, self.outcome, *self.advice.outputs, *self.charts.outputs),
            *(self.probes_fold, self.probes, self.log_fold, self.log),
            *(self.chat, self.stop, self.stop_now, self.resume, self.download.button),
            *(self.alert, self.timer, self.state, self.seen),
        ]


def build(tab: str) -> tuple[RunView, gr.Row]:
    """Lay the components out on that tab, empty; the row of buttons is given too, for what else a tab offers to do with
    the run."""
    with gr.Column(elem_id=f"{tab}-run", elem_classes="run-view") as body:
        shown = gr.Textbox(visible=False)
        head = gr.HTML(padding=False, elem_classes="bare")
        alert = alerts.place()
        outcome = gr.HTML(visible=False, padding=False, elem_classes="run-outcome")
        with gr.Row(elem_classes="actions") as actions:
            chat = gr.Button("Chat with it", variant="primary", visible=False, scale=0, min_width=140)
            stop = gr.Button("Stop", variant="stop", visible=False, scale=0, min_width=110)
            stop_now = gr.Button("Stop now", visible=False, scale=0, min_width=110)
            resume = gr.Button("Resume", visible=False, scale=0, min_width=110)
            download = run_download.build()
        advice = run_advice.build()
        charts = run_charts.build()
        with gr.Accordion("The same questions, as it learnt", open=False, visible=False) as probes_fold:
            probes = gr.HTML(padding=False, elem_classes="bare")
        with gr.Accordion("Log", open=False, visible=False) as log_fold:
            log = gr.Textbox(
                lines=8,
                max_lines=16,
                interactive=False,
                show_label=False,
                elem_classes="run-log",
                label="Log of the run",
            )
    view = RunView(
        *(body, shown, head, outcome, advice, charts, probes_fold, probes, log_fold, log),
        *(chat, stop, stop_now, resume, download, alert),
        timer=gr.Timer(TICK_SECONDS, active=False),
        state=gr.State(""),
        seen=what_is_drawn(),
        reader=Reader(),
    )
    return view, actions


def connect(view: RunView, shared: Shared, run_id: gr.Dropdown | gr.BrowserState) -> None:
    """Wire the view's buttons, and its timer to the run that `run_id` holds.

    Until the answer to a choice is there, the view is of another run than the chosen one: then it is not to be seen,
    and its buttons cannot be pressed.
    """
    gr.on(
        [run_id.change, view.shown.change, own_tab().select],
        None,
        [run_id, view.shown],
        None,
        js=_MATCH.replace("BODY", str(view.body.elem_id)),
        api_visibility="private",
    )
    inputs = [run_id, view.seen, view.charts.opened]
    looked_at = [run_id, view.seen]
    follow(view.timer, partial(differs, view.reader), looked_at, partial(tick, view.reader), inputs, view.outputs)
    view.stop.click(partial(stop, view.reader), view.shown, view.outputs, **PRIVATE)
    view.stop_now.click(partial(stop_now, view.reader), view.shown, view.outputs, **PRIVATE)
    view.resume.click(partial(resume, view.reader), view.shown, view.outputs, **PRIVATE)
    view.chat.click(to_chat, view.shown, [shared.run, shared.tabs], **PRIVATE)
    run_download.connect(view.download, view.shown, view.alert)
    view.log.change(None, None, None, js=_FOLLOW_LOG, api_visibility="private")
    view.log_fold.expand(None, None, None, js=_SHOW_LOG_END, api_visibility="private")
    run_charts.connect(view.charts, partial(draw, view.reader), view.shown)
    run_advice.connect(view.advice, shared, view.shown, view.alert)


def differs(reader: Reader, run_id: str, seen: str) -> bool:
    """Whether there is more to show of the run than that of which `seen` is the mark, or it is gone."""
    try:
        run = directory.find(run_id)
        curves = reader.read(run)
        return _seen(run, status.status(run, curves.told), curves) != seen
    except UserError:
        return True


def tick(reader: Reader, run_id: str, seen: str, opened: bool) -> Any:
    """What changed since `seen`: nothing at all most of the time."""
    try:
        run = directory.find(run_id)
    except UserError:
        return show(run_id)
    curves = reader.read(run)
    now = status.status(run, curves.told)
    if _seen(run, now, curves) == seen:
        return gr.skip()
    return _shown(run, curves, now, alerts.hidden(), seen, opened)


def _seen(run: Run, now: status.Status, curves: Curves) -> str:
    """The marks of the run and of its charts."""
    size, log = (os.path.getsize(path) if os.path.exists(path) else 0 for path in (run.events_path, run.log_path))
    told = mark(f"{run.id} {now.state} {size} {log} {run.name}")
    return f"{told} {mark(f'{run.id} {run_charts.drawn(curves, now)}')}"


def show(run_id: str, problem: UserError | None = None, reader: Reader | None = None) -> tuple[Any, ...]:
    """Updates for all of `RunView.outputs` that show the run with that id ("" or one that is gone: nothing of it)."""
    try:
        run = directory.find(run_id) if run_id else None
    except UserError as error:
        run, problem = None, problem or error
    alert = alerts.shown(problem) if problem else alerts.hidden()
    if run is None:
        hidden = gr.update(visible=False)
        charts = run_charts.hidden()
        body = [hidden, hidden, *run_advice.show(None), *charts, hidden, "", hidden, "", *[hidden] * 5]
        nothing = [gr.Textbox(run_id), *body]
        return (*nothing, alert, gr.Timer(active=False), "", _NOTHING)
    curves = (reader or Reader()).read(run)
    return _shown(run, curves, status.status(run, curves.told), alert, _NOTHING, True)


def _shown(run: Run, curves: Curves, now: status.Status, alert: Any, seen: str, opened: bool) -> tuple[Any, ...]:
    summary = status.summary(run, curves)
    text = run_words.outcome(summary, curves.told)
    answers = run_probes.html(curves.told)
    log = status.log_tail(run)
    following = _seen(run, now, curves)
    same = following.split()[1:] == seen.split()[1:]
    charts = run_charts.unchanged() if same else run_charts.show(curves, now, opened)
    return (
        gr.Textbox(run.id),
        gr.HTML(run_words.state_html(run.name, run.config, model_title(run), now, curves.told), visible=True),
        gr.HTML(marks.html(text), visible=bool(text)),
        *run_advice.show(summary),
        *charts,
        gr.Accordion(visible=bool(answers)),
        answers,
        gr.Accordion(visible=bool(log)),
        log,
        gr.Button(visible=bool(checkpoints(run)), variant="secondary" if now.live else "primary"),
        # It keeps its place: the second click of two must not be one on "Stop now".
        gr.Button(visible=now.live, interactive=now.state != "stopping"),
        gr.Button(visible=now.state == "stopping"),
        gr.Button(visible=now.state in ("stopped", "failed", "interrupted")),
        gr.Button(visible=summary["adapter"] is not None and not now.live),
        alert,
        gr.Timer(TICK_SECONDS if now.live else IDLE_SECONDS, active=True),
        now.state,
        following,
    )


def draw(reader: Reader, run_id: str) -> list[Any]:
    """What is in the fold of the charts, when it is opened."""
    try:
        run = directory.find(run_id)
    except UserError:
        return run_charts.unchanged()[3:]
    curves = reader.read(run)
    return run_charts.inside(curves, status.status(run, curves.told))


def model_title(run: Run) -> str:
    """The base model's name for people: as it was written where its folder is gone."""
    return title_of(run.config.train.model)


def title_of(model: str) -> str:
    """The same, from what a run's settings name."""
    try:
        return catalogue.locate(model).title
    except UserError:
        return model


def stop(reader: Reader, run_id: str) -> tuple[Any, ...]:
    """Ask the run to stop."""
    try:
        launch.stop(directory.find(run_id))
    except UserError as error:
        return show(run_id, error, reader)
    return show(run_id, reader=reader)


def stop_now(reader: Reader, run_id: str) -> tuple[Any, ...]:
    """End the run at once, where it was asked to stop and takes long."""
    try:
        stopping.stop_now(directory.find(run_id))
    except UserError as error:
        return show(run_id, error, reader)
    return show(run_id, reader=reader)


def resume(reader: Reader, run_id: str) -> tuple[Any, ...]:
    """Start the run again from its last checkpoint."""
    try:
        launch.resume(directory.find(run_id))
    except UserError as error:
        return show(run_id, error, reader)
    return show(run_id, reader=reader)


def to_chat(run_id: str) -> tuple[str, gr.Tabs]:
    """Choose the run and go to the Chat tab."""
    return run_id, gr.Tabs(selected="chat")
