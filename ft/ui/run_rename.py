"""Another name for a run, on the Runs tab; and how runs are called where one of them is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ft.errors import UserError
from ft.runs import directory, names
from ft.runs.overview import Overview
from ft.ui import alerts
from ft.ui.tab import PRIVATE


@dataclass(frozen=True)
class Renaming:
    """The components."""

    name: gr.Textbox
    rename: gr.Button
    done: gr.HTML
    problem: gr.HTML


def build() -> Renaming:
    """Lay the components out, in a fold."""
    with gr.Accordion("Rename this run", open=False):
        with gr.Row(elem_classes="actions"):
            name = gr.Textbox(
                label="New name", info=f"at most {names.LONGEST} characters", max_length=names.LONGEST, scale=2
            )
            rename = gr.Button("Rename", scale=0, min_width=110)
        done, problem = gr.HTML(padding=False), alerts.place()
    return Renaming(name, rename, done, problem)


def connect(renaming: Renaming, run_id: gr.Textbox) -> Dependency:
    """Wire the button to the run that `run_id` holds. Whatever shows the name follows the event that this returns."""
    outputs = [renaming.name, renaming.done, renaming.problem]
    event: Dependency = gr.on(
        [renaming.rename.click, renaming.name.submit], rename, [run_id, renaming.name], outputs, **PRIVATE
    )
    run_id.change(nothing_said, None, [renaming.done, renaming.problem], **PRIVATE)
    return event


def nothing_said() -> tuple[Any, ...]:
    """What was said of another run's name is not of this one."""
    return "", alerts.hidden()


def rename(run_id: str | None, name: str) -> tuple[Any, ...]:
    """Give the run another name."""
    try:
        run = directory.find(run_id or "")
        directory.rename(run, name)
    except UserError as error:
        return gr.skip(), "", alerts.shown(error)
    return "", f'<p class="note" role="status">It is called {escape(run.name)} now.</p>', alerts.hidden()


def choices(now: Overview) -> list[tuple[str, str]]:
    """(title, id) of all runs, for a drop-down."""
    called = {figures["run"]: figures["name"] for figures in now.summaries}
    called |= {run_id: directory.name_of(run_id) for run_id, _ in now.damaged}
    return [(label, run_id) for run_id, label in names.labels(called).items()]
