"""Datasets that cannot be read, on the Data tab: which, why, and deleting one. Hidden where there are none."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import gradio as gr

from ft.dataset import versions
from ft.errors import UserError
from ft.runs import deletion
from ft.ui import alerts
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, on_change, own_tab


def build(shared: Shared) -> None:
    """Lay the list out and wire it."""
    with gr.Column(visible=False) as box:
        reasons = gr.HTML(padding=False)
        chosen = gr.Radio([], label="Damaged datasets", elem_classes="choice-list")
        with gr.Row(elem_classes="actions"):
            delete = gr.Button("Delete the chosen one", size="sm", scale=0, min_width=180)
            # Not where Delete was: a second click on the same spot must not delete.
            keep = gr.Button("Keep it", size="sm", scale=0, min_width=110, visible=False)
            sure = gr.Button(
                "Yes, delete it for good", size="sm", variant="stop", scale=0, min_width=200, visible=False
            )
        problem = alerts.place()
    confirm = [delete, keep, sure]
    listed = [box, reasons, chosen, *confirm]
    shared.arrival.then(show, None, listed, **PRIVATE)
    on_change([shared.looked_at, own_tab().select], show, None, listed)
    delete.click(_ask, None, confirm, **PRIVATE)
    keep.click(_asked, None, confirm, **PRIVATE)
    # Not preprocessed: what another window deleted meanwhile is no choice any more, which is no error.
    sure.click(remove, chosen, [*listed, shared.edited, problem], preprocess=False, **PRIVATE)


def show() -> tuple[Any, ...]:
    """The damaged datasets and what is wrong with them."""
    damaged = versions.damaged()
    lines = "".join(f"<li><b>{escape(name)}</b>: {escape(str(why))}</li>" for name, why in damaged.items())
    names = list(damaged)
    return (
        gr.Column(visible=bool(names)),
        f'<p class="note" role="note">These datasets cannot be read:</p><ul>{lines}</ul>' if names else "",
        gr.Radio(names, value=names[0] if names else None),
        *_asked(),
    )


def remove(name: str | None) -> tuple[Any, ...]:
    """Delete that dataset: the list as it then is, a new value for `shared.edited`, and what stood in the way."""
    try:
        if name in versions.damaged():
            deletion.delete_dataset(str(name))
    except UserError as error:
        return *show(), time.time_ns(), alerts.shown(error)
    return *show(), time.time_ns(), alerts.hidden()


def _ask() -> tuple[Any, ...]:
    return gr.Button(visible=False), gr.Button(visible=True), gr.Button(visible=True)


def _asked() -> tuple[Any, ...]:
    return gr.Button(visible=True), gr.Button(visible=False), gr.Button(visible=False)
