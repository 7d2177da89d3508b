"""Deleting a dataset: asked for, said what goes with it, and done."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr

from ft.dataset import versions
from ft.errors import UserError
from ft.runs import deletion
from ft.ui import alerts
from ft.ui.data_change import saved
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import PRIVATE, Question


def build(shared: Shared, staged: gr.BrowserState, delete: gr.Button) -> None:
    """Lay out what is asked when `delete` is clicked, and wire it."""
    # The dataset that the question is about, kept where that is drawn: another one may be chosen, and asked about.
    which = gr.Textbox(visible=False)
    with gr.Column(visible=False) as question:
        words = gr.HTML()
        with gr.Row(elem_classes="actions"):
            keep = gr.Button("Keep it", size="sm", scale=0, min_width=110)
            sure = gr.Button("Yes, delete it for good", size="sm", variant="stop", scale=0, min_width=200)
    problem = alerts.place()
    here = [shared.dataset, staged]
    asked = [which, question, words]
    delete.click(ask, here, [*asked, problem], **PRIVATE)
    keep.click(closed, None, asked, **PRIVATE)
    sure.click(remove, which, [shared.dataset, shared.edited, *asked, problem], **PRIVATE)
    shared.forgetting.append(Question(follow, [*here, which], asked))


@alerts.told(outputs=3)
def ask(dataset: str, staged: str) -> tuple[Any, ...]:
    """Say what would go, and ask: the dataset that is asked about, the question, and its words."""
    looked = saved(dataset, staged)
    runs = len(deletion.trained_on(looked.name))
    all_versions = counted(len(versions.list_versions(looked.name)), "version")
    said = f"All of {looked.name} would be gone for good: {all_versions}, with the rejected records. Undo cannot help."
    if runs:
        said += (
            f" {counted(runs, 'run')} trained on it: what was trained stays, and can be chatted with; "
            "resuming a run, and training again on the same chats, needs the dataset."
        )
    return looked.name, gr.Column(visible=True), f'<p class="note" role="status">{said}</p>'


def closed() -> tuple[Any, ...]:
    """Nothing is asked."""
    return "", gr.Column(visible=False), ""


def follow(dataset: str, staged: str, which: str) -> tuple[Any, ...]:
    """What is asked about another dataset than the one that is looked at now is not asked any more."""
    if not which:
        return gr.skip(), gr.skip(), gr.skip()
    try:
        still = saved(dataset, staged).name == which
    except UserError:
        still = False
    return (gr.skip(), gr.skip(), gr.skip()) if still else closed()


def remove(which: str) -> tuple[Any, ...]:
    """Delete the dataset that was asked about, and look at another one; "" where "Keep it" was faster."""
    if not which:
        return gr.skip(), gr.skip(), *closed(), alerts.hidden()
    try:
        deletion.delete_dataset(which)
    except UserError as error:
        return gr.skip(), gr.skip(), *closed(), alerts.shown(error)
    alerts.inform(f"{which} is deleted.")
    return "", time.time_ns(), *closed(), alerts.hidden()
