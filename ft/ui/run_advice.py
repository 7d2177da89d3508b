"""The advice under a run that has ended: each finding in a sentence, and one press to train again with its change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.config import TrainConfig
from ft.dataset import versions
from ft.errors import UserError
from ft.models import catalogue
from ft.presets import PRESETS
from ft.runs import directory, launch
from ft.runs.directory import Run
from ft.runs.status import summary
from ft.ui import alerts, train_form, train_settings
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE

MOST = 3  # findings: two that go together, and few held-out conversations


@dataclass(frozen=True)
class Slot:
    """The place of one finding."""

    place: gr.Column
    text: gr.HTML
    attempt: gr.Button
    start: gr.Button


@dataclass(frozen=True)
class Advice:
    """The components."""

    head: gr.HTML
    slots: list[Slot]

    @property
    def outputs(self) -> list[Component | gr.Column]:
        """Where `show` puts what it returns."""
        return [self.head, *(part for each in self.slots for part in (each.place, each.text, each.attempt, each.start))]


def build() -> Advice:
    """Lay the places out, hidden."""
    head = gr.HTML(visible=False, padding=False, elem_classes="bare")
    slots = []
    for _ in range(MOST):
        with gr.Column(visible=False, elem_classes="advice") as place:
            text = gr.HTML(padding=False, elem_classes="bare")
            with gr.Row(elem_classes="actions"):
                attempt = gr.Button("Try it", size="sm", scale=0, min_width=140)
                start = gr.Button("Start it now", size="sm", scale=0, min_width=110)
        slots.append(Slot(place, text, attempt, start))
    return Advice(head, slots)


def connect(advice: Advice, shared: Shared, run_id: Component, alert: gr.HTML) -> None:
    """Wire the buttons to the run that `run_id` holds; what stands in the way is said in `alert`."""
    away = [shared.dataset, shared.run, shared.tabs, alert]
    for number, slot in enumerate(advice.slots):
        slot.attempt.click(partial(attempt, number), [run_id, shared.proposed], [shared.proposed, *away], **PRIVATE)
        slot.start.click(partial(start, number), run_id, away, **PRIVATE)


def show(figures: dict[str, Any] | None) -> list[Any]:
    """What `outputs` show for `ft.runs.status.summary` of a run; None: of no run."""
    found = figures["advice"] if figures else []
    ended = figures is not None and figures["status"] == "finished"
    head = "<h3>For the next run</h3>" + ("" if found else '<p class="quiet">No change suggested.</p>')
    shown: list[Any] = [gr.HTML(head, visible=bool(found) or ended)]
    for number in range(MOST):
        each = found[number] if number < len(found) else None
        change = each["change"] if each else None
        shown += [
            gr.Column(visible=each is not None),
            f"<p>{escape(each['text'])}</p>" if each else "",
            gr.Button(f"Try it: {change}" if change else "Try it", visible=bool(change)),
            gr.Button(visible=bool(change)),
        ]
    return shown


def attempt(number: int, run_id: str, proposed: dict[str, Any]) -> tuple[Any, ...]:
    """Fill the Train tab's form with the run's settings and the change of that finding, and go there."""
    try:
        run, config = _changed(run_id, number)
        dataset = _dataset(run)
    except UserError as error:
        return *[gr.skip()] * 4, alerts.shown(error)
    form = train_form.remember(config.model, closest(config), *train_settings.values(config))
    # Counted, so that the form is filled again where the same is asked for again.
    again = {**form, "asked": proposed.get("asked", 0) + 1}
    return again, dataset, "", gr.Tabs(selected="train"), alerts.hidden()


def start(number: int, run_id: str) -> tuple[Any, ...]:
    """Start a run with the run's settings and the change of that finding, and show it."""
    try:
        run, config = _changed(run_id, number)
        dataset = _dataset(run)
        catalogue.resolve(config.model)
        following = launch.begin(versions.find(dataset), config)
    except UserError as error:
        return *[gr.skip()] * 3, alerts.shown(error)
    return dataset, following.id, gr.Tabs(selected="train"), alerts.hidden()


def _changed(run_id: str, number: int) -> tuple[Run, TrainConfig]:
    """The run, and its settings with the change of its finding of that number."""
    run = directory.find(run_id)
    settings = [each["settings"] for each in summary(run)["advice"]]
    change = settings[number] if number < len(settings) else None
    if not change:
        raise UserError(f"run {run.title}", "this advice no longer stands: the run went on.", "See its newest figures.")
    return run, run.config.train.with_settings(change)


def _dataset(run: Run) -> str:
    """The dataset that the run was trained on, as the page names it: "name", or "name@v1" where that is not in use."""
    name, version = run.config.dataset, run.config.version
    exact = versions.find(f"{name}@{version}")
    return name if versions.find(name).version == exact.version else f"{name}@{version}"


def closest(config: TrainConfig) -> str:
    """The preset from which the fewest settings differ: the form shows what was changed from it."""

    def differing(recipe: TrainConfig) -> int:
        return sum(getattr(config, each.name) != getattr(recipe, each.name) for each in train_settings.SETTINGS)

    return min(PRESETS, key=lambda each: differing(each.config)).name
