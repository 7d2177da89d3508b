"""What no page sends as the values of its events, but a stale page or a script may: a sentence, and no traceback."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr
import pytest
from answers import waited

from ft.errors import UserError
from ft.ui.data_browse_events import Shown, choose, conversation_at, copy, delete
from ft.ui.page import Page
from ft.ui.sessions import Session

WRONG: dict[str, Any] = {
    "object": {"a": [1]},
    "lists": [[[1]], {"a": None}],
    "half of a character": "\ud800x",
    "no number": float("nan"),
    "a word": "../../etc/passwd",
    "below": -1,
}
TODO = ("Load the page again.", "Write that character again.")
LOOKED_AT = (
    gr.Number | gr.Slider | gr.Dropdown | gr.Radio | gr.CheckboxGroup | gr.Checkbox | gr.Textbox | gr.BrowserState
)


@pytest.mark.parametrize("kind", WRONG)
def test_every_event_refuses_what_its_components_never_hold(world, kind: str):
    page, state, refusals = world.page, Session(world.page), set()
    for event in page.fns.values():
        if event.fn and event.inputs and event.api_visibility == "private":
            inputs = [WRONG[kind] if isinstance(block, LOOKED_AT) else None for block in event.inputs]
            try:
                waited(page.preprocess_data(event, inputs, state))
            except UserError as error:
                refusals.add(str(error))
            except gr.Error as error:  # of a number below the least that may be
                assert "class" not in str(error)
    assert refusals and "class" not in " ".join(refusals)
    assert all(text.endswith((*TODO, "See the list of endpoints.")) for text in refusals)


def greet(name: str, number: float, word: str, ticked: bool) -> str:
    raise KeyError("a bug of ours")


@pytest.mark.parametrize(
    "inputs",
    [
        *(["x", 1, "c", True], [{}, 1, "a", True], ["x", "1", "a", True], ["x", True, "a", True]),
        *(["x", 1, ["a"], True], ["x", 1, "a", 1], ["\ud800", 1, "a", True], ["x", float("inf"), "a", True]),
    ],
    ids=str,
)
def test_a_wrong_value_is_a_sentence_of_ours_and_a_bug_is_still_in_the_log(caplog, inputs: list[Any]):
    with Page(analytics_enabled=False) as page:
        fields = [gr.Textbox(), gr.Number(), gr.Radio(["a", "b"]), gr.Checkbox()]
        gr.Button().click(greet, fields, None, api_visibility="private")
    state = Session(page)
    with caplog.at_level(logging.ERROR):
        with pytest.raises(gr.Error, match=r"Load the page again\.|Write that character again\."):
            waited(page.process_api(0, inputs, state=state))
        assert not caplog.records
        with pytest.raises(gr.Error, match="Something went wrong in Sidetune"):
            waited(page.process_api(0, ["x", 1, "a", True], state=state))
    (record,) = caplog.records
    assert record.exc_info is not None


@pytest.mark.parametrize("place", [0, 4, -1, 10**18, 0.5])
def test_a_page_from_before_a_restart_is_told_to_load_again(home, caplog, place: Any):
    """The session that knew which conversations it shows is gone."""
    for ask in (
        lambda: choose(True, [], Shown(), place=place),
        lambda: conversation_at("chats", "", Shown(), place),
    ):
        with pytest.raises(UserError, match=r"this page does not know any more .* Load the page again\."):
            ask()
    with caplog.at_level(logging.ERROR):
        assert "conversation" in str(copy("chats", "", Shown(), place))
        assert "role" in str(delete("chats", "", Shown(), place))
    assert not caplog.records


@pytest.mark.parametrize("kept", [{"a": 1}, ["x"], 3, True, "x"])
@pytest.mark.parametrize("default", ["", {}, []], ids=repr)
def test_what_a_browser_kept_of_another_form_is_as_if_it_had_kept_nothing(kept: Any, default: Any):
    with Page(analytics_enabled=False) as page:
        gr.Button().click(lambda value: value, gr.BrowserState(default), None, api_visibility="private")
    expected = kept if type(kept) is type(default) else default
    assert waited(page.preprocess_data(page.fns[0], [kept], Session(page))) == [expected]
