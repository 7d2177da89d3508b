"""What the tabs of one page share: where they are, which dataset and run are chosen, and the models that chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from ft.chat.engine import Engine
from ft.ui.tab import Question

TABS = ("data", "train", "chat", "runs")


@dataclass(frozen=True, slots=True)
class Memory:
    """What the browser keeps of each tab through a refresh. Made outside of the tabs: a component in a tab that has not
    been opened is not there yet in the browser, and reads nothing.

    `upload`: the id of what was read and not saved; `uploads`: those of others that wait beside it. `form`: the Train
    tab's, as `train_form.remember` gives it. `talks`: the conversations of the Chat tab, `chat_settings` its settings,
    and `message` what is typed there and not sent.
    """

    upload: gr.BrowserState
    uploads: gr.BrowserState
    form: gr.BrowserState
    talks: gr.BrowserState
    chat_settings: gr.BrowserState
    message: gr.BrowserState


def memory() -> Memory:
    """Lay the states out, under the names that a browser knows them by."""
    empty: dict[str, Any] = {"upload": "", "uploads": [], "train": {}, "chat": {}, "chat-settings": {}}
    defaults = {**empty, "chat-message": {}}
    states = [
        gr.BrowserState(default, storage_key=f"sidetune-{name}", secret="sidetune")
        for name, default in defaults.items()
    ]
    return Memory(*states)


@dataclass(frozen=True, slots=True)
class Shared:
    """Handed to the `build(shared)` of every tab.

    `tabs`: to go to a tab, output `gr.Tabs(selected="train")` to it; the names are `TABS`.
    `dataset`: the chosen dataset, "name" or "name@v2" as `ft.dataset.versions.find` takes it; "" is none.
    `run`: the id of the chosen run; "" is none. Both live in the browser, so they survive a refresh; write to them to
    choose. Either may name something that is no longer there.
    `dataset_changed`, `run_changed`: another was chosen. `uploaded`: an upload was, or a version of one. `looked_at`:
    what the Data tab looks at became another, or another version of it. To be asked after them, use
    `ft.ui.tab.on_change`.
    `forgetting`: what is asked together then, once all is laid out: what takes away what was made of something else.
    `proposed`: settings for the Train tab's form, as `train_form.remember` gives them: write to it to fill the form.
    `edited`: gets another value when the version in use of a dataset became another (an edit, an undo) on this page.
    `arrival`: the page was opened and `dataset` and `run` hold what the address or the browser remembers. Use
    `shared.arrival.then(...)` for what is to be shown at the start: on `page.load` the two are not yet known.
    `memory`: what the browser keeps of each tab. `page`: the Blocks. `engine`: the models that chat; one for the whole
    app.
    """

    tabs: gr.Tabs
    dataset: gr.BrowserState
    run: gr.BrowserState
    proposed: gr.State
    edited: gr.State
    memory: Memory
    page: gr.Blocks
    engine: Engine
    arrival: Dependency
    dataset_changed: Dependency
    run_changed: Dependency
    uploaded: Dependency
    looked_at: Dependency
    forgetting: list[Question]
