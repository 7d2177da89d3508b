"""What an event of the page says in quick succession: all of it is shown, also where the browser is behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from ft.ui.page import Page

pytestmark = pytest.mark.slow
BUTTONS = 40


def one_after_another() -> Iterator[tuple[Any, ...]]:
    """Let each button be pressed, and change nothing else but what comes and goes, which takes a browser longest."""
    for now in range(BUTTONS):
        pressed = [gr.Button(interactive=True) if each == now else gr.skip() for each in range(BUTTONS)]
        yield gr.HTML("Going on", visible=now % 2 == 0), *pressed


def test_what_is_said_in_passing_is_not_lost(browser):
    with Page() as small:
        start = gr.Button("Start")
        buttons = [gr.Button(f"Number {each}", interactive=False) for each in range(BUTTONS)]
        start.click(one_after_another, None, [gr.HTML(visible=False), *buttons], api_visibility="private")
    _, url, _ = small.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    context = browser.new_context()
    try:
        tab: Tab = context.new_page()
        tab.goto(url)
        tab.get_by_role("button", name="Start").click()
        for each in range(BUTTONS):
            expect(tab.get_by_role("button", name=f"Number {each}", exact=True)).to_be_enabled()
    finally:
        context.close()
        small.close()
