"""What the tabs of one page share: where they are, which dataset and run are chosen, and the models that chat."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency

from ft.chat.engine import Engine

TABS = ("data", "train", "chat", "runs")


@dataclass(frozen=True, slots=True)
class Shared:
    """Handed to the `build(shared)` of every tab.

    `tabs`: to go to a tab, output `gr.Tabs(selected="train")` to it; the names are `TABS`.
    `dataset`: the chosen dataset, "name" or "name@v2" as `ft.dataset.versions.find` takes it; "" is none.
    `run`: the id of the chosen run; "" is none. Both live in the browser, so they survive a refresh; write to them to
    choose, and listen to `.change` to follow. Either may name something that is no longer there.
    `arrival`: the page was opened and `dataset` and `run` hold what the address or the browser remembers. Use
    `shared.arrival.then(...)` for what is to be shown at the start: on `page.load` the two are not yet known.
    `page`: the Blocks. `engine`: the models that chat; one for the whole app.
    """

    tabs: gr.Tabs
    dataset: gr.BrowserState
    run: gr.BrowserState
    page: gr.Blocks
    engine: Engine
    arrival: Dependency
