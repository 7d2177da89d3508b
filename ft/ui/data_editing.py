"""What is being edited: opened from the list, waiting while another dataset is looked at, and gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from formats.conversation import Origin
from ft.dataset.draft import BY_HAND, EMPTY, Draft, draft
from ft.dataset.fingerprint import exact
from ft.errors import UserError
from ft.ui import alerts, data_choice, data_waiting
from ft.ui.data_browse_events import Shown, conversation_at
from ft.ui.data_change import required


@dataclass(frozen=True, slots=True)
class Editing:
    """What is being edited: the conversation in that row (None: a new one) of the version or upload at `of`. `exact`
    is its hash as it was then (`ft.dataset.fingerprint.exact`), by which it is found again in a later version."""

    row: int | None
    draft: Draft
    of: str
    origin: Origin = BY_HAND
    repairs: tuple[str, ...] = ()
    exact: int = 0

    @property
    def name(self) -> str:
        return "A new conversation" if self.row is None else f"Conversation {self.row + 1:,}"


@alerts.told(outputs=1)
def edit(dataset: str, staged: str, shown: Shown, editing: Editing | None, place: int) -> Any:
    """Open the conversation at that place in the editor."""
    if _is_open(dataset, staged, editing):
        return gr.skip()
    looked, row, chat = conversation_at(dataset, staged, shown, place)
    return Editing(row, draft(chat), str(looked.path), chat.origin, chat.repairs, exact(chat))


def dropped() -> tuple[None, Any]:
    """Nothing is edited, and what was refused because of it is not any more."""
    return None, alerts.hidden()


@alerts.told(outputs=1)
def write_new(dataset: str, staged: str, editing: Editing | None) -> Any:
    """Open the editor for a new conversation."""
    if _is_open(dataset, staged, editing):
        return gr.skip()
    return Editing(None, EMPTY, str(required(dataset, staged).path))


def _is_open(dataset: str, staged: str, editing: Editing | None) -> bool:
    """Whether the editor is open, as at the second click of a double one.

    Raises:
        UserError: it waits, with a conversation of another dataset.
    """
    if editing is None:
        return False
    if data_choice.is_of(required(dataset, staged), editing.of):
        return True
    given = f"{editing.name} of {data_choice.name_of(editing.of)}"
    raise UserError(given, "it is being edited, and there is one editor.", "Go on with it, or drop it (see above).")


def switch(dataset: str, staged: str, editing: Editing | None) -> tuple[Any, ...]:
    """Show the list or, in its place, the editor of what is looked at. That of another dataset waits, with what was
    written in it, and is named above the list.

    Out: the list, the editor, the row of what waits, its words, what is being edited.
    """
    if editing is not None and not Path(editing.of).exists():
        alerts.warn(f"{editing.name} is not edited any more: it is gone with its dataset.")
        return *switch(dataset, staged, None)[:-1], None
    try:
        here = editing is not None and data_choice.is_of(data_choice.looked_at(dataset, staged), editing.of)
    except UserError:  # what was chosen is not there
        here = False
    waits = editing is not None and not here
    words = f"Being edited: {editing.name} of {data_choice.name_of(editing.of)}." if editing and waits else ""
    note = f'<p class="note" role="status">{escape(words)}</p>' if words else ""
    return gr.Column(visible=not here), gr.Column(visible=here), gr.Row(visible=waits), note, gr.skip()


def go_on(staged: str, waiting: Any, editing: Editing | None) -> tuple[Any, ...]:
    """Look at what is being edited again: the dataset, the upload, and those that wait beside it."""
    if editing is None:
        return gr.skip(), gr.skip(), gr.skip()
    for id in data_choice.still_waiting([staged, *data_choice.still_waiting(waiting)]):
        if data_choice.is_of(data_choice.upload_of(id), editing.of):
            return data_waiting.chosen(f"{data_choice.UPLOAD}/{id}", staged, waiting)
    return data_waiting.chosen(data_choice.name_of(editing.of), staged, waiting)
