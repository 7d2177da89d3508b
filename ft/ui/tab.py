"""The tab that is being laid out, for what has to happen whenever somebody comes to it."""

from __future__ import annotations

import gradio as gr
from gradio.context import Context


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
