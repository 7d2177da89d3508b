"""The Train tab: choose a dataset, a base model and a recipe; see what will happen; start it and watch it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from ft.config import DEFAULT_MODEL, TrainConfig
from ft.dataset import versions
from ft.errors import UserError
from ft.models import catalogue, device
from ft.presets import PRESETS, preset
from ft.runs import directory, launch
from ft.runs.status import status
from ft.train import preflight
from ft.train.preflight import Preflight
from ft.ui import alerts, run_view, train_plan, train_settings
from ft.ui.background import Say, follow
from ft.ui.run_view import RunView
from ft.ui.shared import Shared
from ft.ui.tab import own_tab

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Form:
    """The components of the set-up, under the names that its events know them by."""

    empty: gr.Column
    setup: gr.Column
    live: gr.Column
    dataset: gr.Dropdown
    model: gr.Dropdown
    preset: gr.Dropdown
    about: gr.Markdown
    settings: list[Any]
    plan: gr.Markdown
    problem: gr.HTML
    start: gr.Button
    check: gr.Button

    @property
    def asked(self) -> list[Component]:
        """The inputs of a check and of a start."""
        return [self.dataset, self.model, self.preset, *self.settings]

    @property
    def places(self) -> list[Component | gr.Column]:
        """What `arrive` fills."""
        return [self.empty, self.setup, self.live, self.dataset]


def build(shared: Shared) -> None:
    """Lay the Train tab out and wire it."""
    with gr.Column(visible=False) as empty:
        gr.Markdown(
            "### Nothing to train on yet\nBring your chats on the Data tab, or begin with the sample that is there."
        )
        go = gr.Button("Go to Data", variant="primary", scale=0, min_width=160)
    with gr.Column() as setup:
        form = _layout(empty, setup)
    with form.live:
        view = run_view.build()
        again = gr.Button("Set up another run", scale=0, min_width=180)
    run_view.connect(view, shared, shared.run)
    go.click(_to_data, None, shared.tabs, **PRIVATE)
    again.click(_no_run, None, shared.run, **PRIVATE)
    _wire_places(form, view, shared)
    _wire_plan(form)
    form.start.click(start, form.asked, [shared.run, form.plan, form.start, form.problem], **PRIVATE, concurrency_limit=4)


def _layout(empty: gr.Column, setup: gr.Column) -> Form:
    chosen = first_preset()
    with gr.Row(equal_height=False):
        dataset = gr.Dropdown([], label="What it learns from", info="**dataset**", min_width=260)
        model = gr.Dropdown(
            catalogue.choices(),
            value=DEFAULT_MODEL,
            allow_custom_value=True,
            label="What it starts from",
            info="**base model** · or type a local folder or a Hugging Face id such as owner/name",
            min_width=260,
        )
        recipe = gr.Dropdown(
            [(each.title, each.name) for each in PRESETS],
            value=chosen,
            label="How it learns",
            info="**preset** · a set of settings known to work",
            min_width=260,
        )
    about = gr.Markdown(about_preset(chosen), elem_classes="preset-about")
    with gr.Accordion("Advanced settings", open=False):
        settings = train_settings.build(preset(chosen).config)
        gr.Markdown("How many conversations are held out for validation was decided when the dataset was saved.")
    gr.Markdown("#### What will happen")
    plan = gr.Markdown(elem_classes="plan")
    problem = alerts.place()
    with gr.Row(elem_classes="actions"):
        start_button = gr.Button("Start training", variant="primary", scale=0, min_width=180)
        check_button = gr.Button("Check again", scale=0, min_width=130)
    with gr.Column(visible=False, render=False) as live:
        pass
    return Form(
        empty, setup, live, dataset, model, recipe, about, settings, plan, problem, start_button, check_button
    )
