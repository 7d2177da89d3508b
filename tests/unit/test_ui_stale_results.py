"""What was made with a setting does not stay beside another setting."""

from __future__ import annotations

import gradio as gr
import pytest
from gradio.block_function import BlockFunction

from ft.ui import app


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return app.build()


@pytest.mark.parametrize(
    ("name", "more"),
    [("exported", set()), ("look", set()), ("show", {"Conversation"}), ("count_all", set())],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_was_made_with_a_setting_goes_once_another_is_set(page: gr.Blocks, name: str, more: set[str]):
    """`more`: the settings that are said in what is shown."""
    modules = ("ft.ui.data_export", "ft.ui.data_near", "ft.ui.data_tokens")
    all_of_it = [event for event in page.fns.values() if getattr(event.fn, "__module__", "") in modules]
    making = next(event for event in all_of_it if event.fn.__name__ == name)
    settings = [block for block in making.inputs if not isinstance(block, gr.State | gr.BrowserState)]
    assert len(settings) >= 2
    for setting in settings:
        set_anew = [
            event
            for event in page.fns.values()
            if any(id == setting._id and how in ("input", "release") for id, how in event.targets)
        ]
        taken = [event for event in set_anew if {block._id for block in making.outputs} <= set_of(event)]
        assert taken or setting.label in more, setting.label


def set_of(event: BlockFunction) -> set[int]:
    return {block._id for block in event.outputs}
