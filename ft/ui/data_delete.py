"""Deleting a dataset: asked for, said what goes with it, and done."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr

from ft.dataset import versions
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.runs import deletion
from ft.ui import alerts, data_choice
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import SHARED_EVENT, own_tab

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the buttons out and wire them."""
    which = gr.State("")  # the dataset that was asked about: another one may be chosen meanwhile
    words = gr.HTML(visible=False)
    with gr.Row(elem_classes="actions"):
        delete = gr.Button("Delete this dataset", size="sm", scale=0, min_width=170, visible=False)
        # Not where Delete was: a second click on the same spot must not delete.
        keep = gr.Button("Keep it", size="sm", scale=0, min_width=110, visible=False)
        sure = gr.Button("Yes, delete it for good", size="sm", variant="stop", scale=0, min_width=200, visible=False)
    problem = alerts.place()
    here = [shared.dataset, staged]
    asked = [which, words, delete, keep, sure, problem]
    delete.click(ask, here, asked, **PRIVATE)
    keep.click(show, here, asked, **PRIVATE)
    sure.click(remove, [which, *here], [shared.dataset, shared.edited, *asked], **PRIVATE)
    seen = [shared.dataset.change, staged.change, shared.edited.change, own_tab().select]
    gr.on(seen, show, here, asked, **SHARED_EVENT)
    shared.arrival.then(show, here, asked, **PRIVATE)


def show(dataset: str, staged: str) -> tuple[Any, ...]:
    """Nothing is asked; a saved dataset can be deleted."""
    return _asked("", "", _saved(dataset, staged) is not None)


def ask(dataset: str, staged: str) -> tuple[Any, ...]:
    """Say what would go, and ask."""
    looked = _saved(dataset, staged)
    if looked is None:
        return _asked("", "", False)
    runs = len(deletion.trained_on(looked.name))
    all_versions = counted(len(versions.list_versions(looked.name)), "version")
    said = f"All of {looked.name} would be gone for good: {all_versions}, with the rejected records. Undo cannot help."
    if runs:
        said += (
            f" {counted(runs, 'run')} trained on it: what was trained stays, and can be chatted with; "
            "resuming a run, and training again on the same chats, needs the dataset."
        )
    return _asked(looked.name, f'<p class="note" role="status">{said}</p>', True)


def remove(which: str, dataset: str, staged: str) -> tuple[Any, ...]:
    """Delete the dataset that was asked about, and look at another one."""
    try:
        deletion.delete_dataset(which)
    except UserError as error:
        return gr.skip(), gr.skip(), *show(dataset, staged)[:-1], alerts.shown(error)
    gr.Info(f"{which} is deleted.", duration=6)
    return "", time.time_ns(), *show("", staged)


def _asked(which: str, words: str, possible: bool) -> tuple[Any, ...]:
    asking = bool(which)
    return (
        which,
        gr.HTML(words, visible=asking),
        gr.Button(visible=possible and not asking),
        gr.Button(visible=asking),
        gr.Button(visible=asking),
        alerts.hidden(),
    )


def _saved(dataset: str, staged: str) -> Version | None:
    """The saved dataset that is looked at; None where there is none."""
    try:
        looked = data_choice.looked_at(dataset, staged)
    except UserError:
        return None
    return looked if isinstance(looked, Version) else None
