"""A change made from the page: what is looked at becomes its next version, or the upload's next state."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr

from ft.dataset import edit
from ft.dataset.change import Change
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice


def required(dataset: str, staged: str) -> Version | Staged:
    """What is looked at.

    Raises:
        UserError: nothing is.
    """
    looked = data_choice.looked_at(dataset, staged)
    if looked is None:
        raise UserError("no dataset", "there is none yet.", "Bring files of chats, or choose one of your datasets.")
    return looked


def saved(dataset: str, staged: str) -> Version:
    """The saved dataset that is looked at.

    Raises:
        UserError: nothing is, or an upload.
    """
    looked = required(dataset, staged)
    if not isinstance(looked, Version):
        raise UserError("the upload", "it is not saved yet.", "Save it under a name first.")
    return looked


def unchanged(dataset: str, staged: str, of: str) -> Version | Staged:
    """What is looked at, if it is still the one whose `path` is `of` ("": whichever): the rows that a page holds are
    places in one version, and an edit in another window makes another one, with other rows.

    Raises:
        UserError: it is another one, or nothing is looked at.
    """
    looked = required(dataset, staged)
    if of and not data_choice.is_of(looked, of):
        why = f"this was drawn of {data_choice.name_of(of)}, and {data_choice.title(looked)} is chosen now."
        raise UserError("the dataset", why, "Choose the one that you mean, and try again.")
    if of not in ("", str(looked.path)):
        why = "it was changed elsewhere (in another window, or by a script) since this was drawn."
        raise UserError("the dataset", why, "Load the page again.")
    return looked


def applied(dataset: str, staged: str, change: Change) -> tuple[Any, Any]:
    """Make the change: (the upload's new id, unchanged for a saved dataset; a new value for `shared.edited`).

    Raises:
        UserError: it cannot be made.
    """
    return told(edit.apply(required(dataset, staged), change), change.words)


def told(edited: Version | Staged, words: str) -> tuple[Any, Any]:
    """The same for a change that is made already; `words` say what it did."""
    if isinstance(edited, Staged):
        alerts.inform(f"{words}. Undo goes back.")
        return edited.id, time.time_ns()
    alerts.inform(f"{words}. This is version {edited.version.removeprefix('v')} now; Undo goes back.")
    return gr.skip(), time.time_ns()
