"""What goes wrong in an event reaches people and scripts as a sentence, and the log as one traceback."""

from __future__ import annotations

import logging

import gradio as gr
import pytest
from answers import waited

from ft.errors import UserError
from ft.ui.alerts import WENT_WRONG
from ft.ui.page import Page

FILE = {"meta": {"_type": "gradio.FileData"}, "orig_name": "a.json"}


def fails(text: str) -> str:
    if text == "refuse":
        raise UserError("the name", "it is taken.", "Choose another.")
    raise KeyError("a secret of the machine")


def refuses(text: str) -> str:
    raise UserError(text, "it cannot be used.", "Choose another.")


def fails_late(text: str):
    yield text
    fails(text)


@pytest.fixture(scope="module")
def page() -> Page:
    with Page() as page:
        box, files = gr.Textbox(), gr.File(file_count="multiple")
        box.submit(fails, box, box)
        box.submit(fails_late, box, box)
        files.upload(len, files, box)
        for visibility in ("private", "public"):
            box.submit(refuses, box, box, api_visibility=visibility)
    return page


def call(page: Page, number: int, *inputs: object) -> dict:
    async def steps() -> dict:
        result = await page.process_api(number, list(inputs))
        while result["iterator"] is not None:
            result = await page.process_api(number, list(inputs), iterator=result["iterator"])
        return result

    return waited(steps())


@pytest.mark.parametrize("number", [0, 1])
def test_a_bug_is_one_sentence_on_the_page_and_one_traceback_in_the_log(page, caplog, number):
    with caplog.at_level(logging.ERROR, "sidetune"), pytest.raises(gr.Error) as caught:
        call(page, number, "go on")
    assert caught.value.message == str(WENT_WRONG) and not caught.value.print_exception
    (record,) = caplog.records
    assert record.exc_info is not None and "a secret of the machine" in caplog.text


@pytest.mark.parametrize("number", [0, 1])
def test_what_a_person_can_put_right_stays_as_it_is(page, caplog, number):
    with pytest.raises(gr.Error, match=r"the name: it is taken\. Choose another\.") as caught:
        call(page, number, "refuse")
    assert not caught.value.print_exception and not caplog.records


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/a.json", "HTTPS://example.org/a.json", "https://example.org/a"])
def test_a_file_is_fetched_from_no_address(page, caplog, path):
    with pytest.raises(gr.Error, match="not one that was uploaded here"):
        call(page, 2, [{**FILE, "path": path}])


@pytest.mark.parametrize("inputs", [[1, 2, 3], [{"path": 5}], ["nothing"], [[None]], [{}], [True], [-1]])
def test_what_no_page_sends_is_a_refusal_and_not_a_traceback_in_the_log(page, caplog, inputs):
    with pytest.raises(gr.Error, match="the arguments: one of them has another form"):
        call(page, 2, *inputs)
    assert not caplog.records


@pytest.mark.parametrize("number", [0, 1, 2])
def test_too_few_values_are_a_refusal_and_not_a_traceback_in_the_log(page, caplog, number):
    with pytest.raises(gr.Error, match="the arguments: 0 came, and it takes at least 1") as caught:
        call(page, number)
    assert not caught.value.print_exception and not caplog.records


@pytest.mark.parametrize(("number", "said"), [(3, "&lt;tools&gt; &amp;"), (4, "<tools> &")], ids=["page", "script"])
def test_the_page_draws_a_refusal_as_text_and_a_script_gets_it_as_it_is(page, number, said):
    with pytest.raises(gr.Error) as caught:
        call(page, number, "<tools> &")
    assert caught.value.message == f"{said}: it cannot be used. Choose another."
