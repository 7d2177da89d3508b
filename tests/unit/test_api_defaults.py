"""A script gives an endpoint what it needs, and leaves out what the endpoint has a usual value for."""

from __future__ import annotations

import inspect

import gradio as gr
import pytest
from answers import waited

from ft.errors import UserError
from ft.ui import api, app
from ft.ui.page import Page
from ft.ui.sessions import Session


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(tmp_path_factory.mktemp("home")))
        return app.build()


@pytest.mark.parametrize("name", api.ENDPOINTS)
def test_what_has_a_usual_value_may_be_left_out(page: Page, name: str):
    (event,) = (each for each in page.fns.values() if each.api_name == name)
    parameters = list(inspect.signature(event.fn).parameters.values())[: len(event.inputs)]
    needed = [each for each in parameters if each.default is each.empty]
    given = [{} if "dict" in str(each.annotation) else [] if "list" in str(each.annotation) else "x" for each in needed]
    made = waited(page.preprocess_data(event, given, Session(page)))
    assert len(made) == len(event.inputs)
    assert made[len(given) :] == [each.default for each in parameters[len(given) :]]


def test_what_is_needed_may_not(page: Page):
    (event,) = (each for each in page.fns.values() if each.api_name == "check")
    with pytest.raises(UserError, match="0 came, and it takes at least 1"):
        waited(page.preprocess_data(event, [], Session(page)))
    with Page(analytics_enabled=False) as other:
        gr.Button().click(lambda words: words, [gr.Textbox("kept")], None, api_name="say")
    (event,) = (each for each in other.fns.values() if each.api_name == "say")
    assert waited(other.preprocess_data(event, [], Session(other))) == ["kept"]
