"""The Train tab: choose a dataset, a base model and a preset; see what will happen; start it and watch it."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.config import TrainConfig
from ft.dataset import versions
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import catalogue, facts
from ft.presets import preset
from ft.runs import directory, launch, queue
from ft.runs.reader import Reader
from ft.runs.status import status
from ft.train import preflight
from ft.train.preflight import Preflight
from ft.ui import alerts, marks, run_view, tab, train_form, train_plan, train_trial
from ft.ui.background import Say, follow
from ft.ui.data_choice import UPLOAD
from ft.ui.run_view import RunView
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, SHARED_EVENT, Change, on_change, own_tab
from ft.ui.train_form import Form
from ft.ui.train_trial import TrialFold

# In the order they were asked for, and the last in any case: a slow answer must not stay as the plan of a later choice.
CHECK: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "check", **SHARED_EVENT}
_OTHER_PLAN = f"() => {json.dumps(marks.html('- Reading the dataset …'))}"


def build(shared: Shared) -> None:
    """Lay the Train tab out and wire it. Nothing of it is there until the page has arrived."""
    with gr.Column(visible=False) as empty:
        gr.HTML(
            '<div class="empty"><h2>Nothing to train on yet</h2>'
            "<p>Bring your chats on the Data tab, or begin with the sample that is there.</p></div>",
            padding=False,
        )
        go = gr.Button("Go to Data", variant="primary", scale=0, min_width=160)
    with gr.Column(visible=False) as setup:
        form = train_form.layout(shared.memory.form)
        fold = train_trial.layout()
    with gr.Column(visible=False) as live:
        view, actions = run_view.build("train")
    with actions:
        again = gr.Button("Set up another run", scale=0, min_width=180)
    run_view.connect(view, shared, shared.run)
    go.click(_to_data, None, shared.tabs, **PRIVATE)
    again.click(None, None, shared.run, js='() => ""', api_visibility="private")
    _wire_form(form, fold, shared)
    _wire_places([empty, setup, live], form, view, shared)


def _wire_places(places: list[Any], form: Form, view: RunView, shared: Shared) -> None:
    """Show the form, the run or neither, whenever what is chosen may have changed; then the form's plan."""
    chosen, outputs = [shared.run, shared.dataset], [*places, form.dataset, *view.outputs]
    filled = [form.model, form.preset, form.about, *form.settings]
    arrived = gr.State(False)
    # One after another, so that what was asked last is what is shown in the end.
    shown: dict[str, Any] = {"concurrency_id": "train", "concurrency_limit": 1, **PRIVATE}
    first = [*outputs, *filled, arrived]
    came = shared.arrival.then(partial(arrive, view.reader), [*chosen, form.kept], first, **shown)
    another: list[Change] = [shared.run_changed, shared.dataset_changed, own_tab().select]
    changed = on_change(another, partial(show, view.reader), [arrived, *chosen], outputs, **shown)
    shared.dataset_changed.then(None, None, form.plan, js=_OTHER_PLAN, api_visibility="private")
    proposed = shared.proposed.change(train_form.restored, shared.proposed, filled, **SHARED_EVENT)
    proposed.then(train_form.remember, form.remembered, form.kept, **PRIVATE)
    for event in (came, *changed, proposed):
        event.then(check_small, form.asked, [form.plan, form.problem], **CHECK)


def _wire_form(form: Form, fold: TrialFold, shared: Shared) -> None:
    check_it: dict[str, Any] = {"inputs": form.asked, "outputs": [form.plan, form.problem]}
    # Another dataset means another run: the one that was watched is on the Runs tab.
    away = [shared.dataset, shared.run]
    form.dataset.input(None, form.dataset, away, js='(dataset) => [dataset, ""]', api_visibility="private")
    shown = [form.about, *form.settings]
    last: dict[str, Any] = {"trigger_mode": "always_last", **PRIVATE}
    filled = form.preset.input(train_form.filled, [form.preset, form.model], shown, **last)
    fitted = form.model.input(train_form.fitted, [form.kept, *form.remembered], shown, **last)
    for event in (filled, fitted, train_trial.wire(fold, form)):
        event.then(check_small, **check_it, **CHECK)
        event.then(train_form.remember, form.remembered, form.kept, **PRIVATE)
    edited = [control.input if isinstance(control, gr.Dropdown) else control.blur for control in form.settings]
    gr.on(edited, check_small, **check_it, **CHECK)
    gr.on(edited, train_form.remember, form.remembered, form.kept, **PRIVATE)
    drawn, chosen = tab.what_is_drawn(), [form.model, form.preset, *form.settings]
    tab.follow(gr.Timer(tab.LISTS_SECONDS), ahead_differs, [drawn, *chosen], show_ahead, chosen, [form.ahead, drawn])
    form.check.click(check, concurrency_limit=2, **check_it, **PRIVATE)
    outputs: list[Component] = [shared.run, form.name, form.plan, form.start, form.problem]
    form.start.click(start, [form.name, *form.asked], outputs, concurrency_limit=4, **PRIVATE)


def arrive(reader: Reader, run_id: str, dataset: str, kept: Any) -> tuple[Any, ...]:
    """The tab as the page opens; the form holds what the browser `kept` of it before anybody can change it."""
    return *_all(reader, run_id, dataset), *train_form.restored(kept), True


def show(reader: Reader, arrived: bool, run_id: str, dataset: str) -> Any:
    """The tab once another run or dataset is chosen, or it is come back to."""
    return _all(reader, run_id, dataset) if arrived else gr.skip()


def _all(reader: Reader, run_id: str, dataset: str) -> tuple[Any, ...]:
    """The chosen run where it is going or belongs to the chosen dataset; else the form, or where to get data."""
    dataset = "" if dataset == UPLOAD else dataset
    choices, chosen = train_form.dataset_choices(dataset)
    watch = _is_to_watch(run_id, dataset)
    return (
        gr.Column(visible=not watch and not choices),
        gr.Column(visible=not watch and bool(choices)),
        gr.Column(visible=watch),
        gr.Dropdown(choices, value=chosen),
        *run_view.show(run_id if watch else "", reader=reader),
    )


def _is_to_watch(run_id: str, dataset: str) -> bool:
    if not run_id:
        return False
    try:
        run = directory.find(run_id)
        chosen = versions.find(dataset) if dataset else None
    except UserError:
        return False
    if run.id != run_id:  # a link may name the beginning of an id
        return False
    same = chosen is None or (chosen.name, chosen.version) == (run.config.dataset, run.config.version)
    return same or status(run).live


def check_small(dataset: str | None, model: str, preset_name: str, *shown: Any) -> Iterator[tuple[Any, ...]]:
    """Say what a run would do where that takes a moment; where it takes longer, say how to ask for it."""
    try:
        config = train_form.config_of(model, preset_name, shown)
        source = catalogue.resolve(config.model)
        many = versions.find(dataset).count() if dataset else 0
    except UserError as error:
        yield "", alerts.shown(error)
        return
    if not dataset:
        yield "", alerts.hidden()
    elif not source.ready:
        where = "The base model is not on this machine yet. It is fetched"
        yield marks.html(f"- {where} when you check or start; the tokens are counted then."), alerts.hidden()
    elif many > train_plan.AUTOMATIC_LIMIT:
        text = f"- {many:,} conversations: counting their tokens takes a while. Press Check for it."
        yield marks.html(text), alerts.hidden()
    else:
        yield from check(dataset, model, preset_name, *shown)


def check(dataset: str | None, model: str, preset_name: str, *shown: Any) -> Iterator[tuple[Any, ...]]:
    """Count the tokens and say what a run would do, or what stands in its way."""
    try:
        config = train_form.config_of(model, preset_name, shown)
        for found in _preflight(versions.find(dataset or ""), config):
            text = _plan(found, config, preset_name) if isinstance(found, Preflight) else f"- {found} …"
            yield marks.html(text), alerts.hidden()
    except Exception as error:
        yield "", alerts.shown(error)


def start(name: str, dataset: str | None, model: str, preset_name: str, *shown: Any) -> Iterator[tuple[Any, ...]]:
    """Check, then start the run under that name and choose it, which shows it."""
    ready = gr.Button("Start training", interactive=True)
    try:
        config = train_form.config_of(model, preset_name, shown)
        version = versions.find(dataset or "")
        try:
            for found in _preflight(version, config):
                text = _plan(found, config, preset_name) if isinstance(found, Preflight) else f"- {found} …"
                yield gr.skip(), gr.skip(), marks.html(text), gr.Button("Starting", interactive=False), alerts.hidden()
        except GeneratorExit:  # who pressed Start has left the page, or loaded it again, and wants the run all the same
            with suppress(UserError):  # nobody is there to be told
                launch.begin(version, config, name)
            raise
        run = launch.begin(version, config, name)
        yield run.id, "", gr.skip(), ready, alerts.hidden()
    except Exception as error:
        yield gr.skip(), gr.skip(), "", ready, alerts.shown(error)


def _preflight(version: Version, config: TrainConfig) -> Iterator[Preflight | str]:
    def work(say: Say) -> Generator[Preflight, None, None]:
        yield preflight.check(version, config, say)

    yield "Reading the dataset"
    with closing(follow(work)) as news:
        yield from (each for each in news if each is not None)


def _plan(found: Preflight, config: TrainConfig, preset_name: str) -> str:
    return train_plan.plan(found, config, preset(preset_name), facts.of(config.model))


def ahead(model: str, preset_name: str, *shown: Any) -> str:
    """Which run this one would wait for; "" where it would wait for none, or cannot be started as it is."""
    try:
        config, now = train_form.config_of(model, preset_name, shown), queue.line()
        going = now.ahead({each.key for each in launch.chosen(config, now)})
    except UserError:
        return ""
    return f"“{going.name}” is going on: this run waits until it ends." if going else ""


def ahead_differs(drawn: str, *asked: Any) -> bool:
    return ahead(*asked) != drawn


def show_ahead(*asked: Any) -> tuple[gr.HTML, str]:
    """The line about it, and what it says."""
    words = ahead(*asked)
    return gr.HTML(f'<p class="note">{escape(words)}</p>', visible=bool(words)), words


def _to_data() -> gr.Tabs:
    return gr.Tabs(selected="data")
