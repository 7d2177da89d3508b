"""The tab that is being laid out, and how it listens to what it shares with the others."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.context import Context

# How an event of the page is wired that is nobody else's: no endpoint for scripts, and nothing spins while it answers.
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# How a tab listens to what all tabs listen to (the chosen dataset or run). Not "always_last", the default of a change:
# when such a listener has to run again, Gradio 6.31 runs all listeners of the event again, and two of them never end.
SHARED_EVENT: dict[str, Any] = {"trigger_mode": "multiple", **PRIVATE}
# How the tick of a timer is wired: not behind what people ask for, and not again while it still looks.
TICK: dict[str, Any] = {"queue": False, "concurrency_limit": None, "trigger_mode": "once", **PRIVATE}


def own_tab() -> gr.Tab:
    """The innermost `with gr.Tab(...)` around the caller.

    Raises:
        RuntimeError: there is none, which is a mistake in the page's layout.
    """
    block = Context.block
    while block is not None and not isinstance(block, gr.Tab):
        block = block.parent
    if block is None:
        raise RuntimeError("a tab's build() was called outside of its `with gr.Tab(...)`")
    return block
