"""Events of a page that are worked on at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr
import pytest
from answers import waited

from ft.ui.page import Page
from ft.ui.sessions import Session


@pytest.mark.parametrize(
    ("outputs", "nothing"),
    [(1, gr.skip()), (2, gr.skip()), (2, (gr.skip(), gr.skip())), (2, ("words", gr.skip()))],
    ids=str,
)
def test_what_follows_a_state_is_not_done_for_an_event_that_left_it_as_it_was(outputs: int, nothing: Any):
    """As one that is slow, and ends after another that has opened an editor."""
    opened, drawn = asyncio.Event(), asyncio.Event()

    async def look() -> Any:
        drawn.set()
        await opened.wait()
        return nothing

    def edit() -> str:
        return "a conversation"

    async def both() -> list[list[int]]:
        state = Session(page)
        slow = asyncio.create_task(page.process_api(0, [], state=state))
        await drawn.wait()
        quick = await page.process_api(1, [], state=state)
        opened.set()
        return [(await slow)["changed_state_ids"], quick["changed_state_ids"]]

    with Page(analytics_enabled=False) as page:
        words, editing = gr.Textbox(), gr.State(None)
        button = gr.Button()
        button.click(look, None, [words, editing][-outputs:], api_visibility="private")
        button.click(edit, None, editing, api_visibility="private")
        editing.change(edit, None, words, api_visibility="private")
    assert waited(both()) == [[], [editing._id]]
