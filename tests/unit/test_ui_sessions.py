"""A session has a plain name, and of an event nothing is kept once it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest

from ft.ui.own_names import OwnNames
from ft.ui.page import Page
from ft.ui.server import GuardedApp

JSON = {"content-type": "application/json"}
HOSTILE = [r"\ud800", "a b", "a/b", r"a\n", "é", "x" * 65, "x" * 1_000_000]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Page, str]]:
    with Page(analytics_enabled=False) as page:
        box = gr.Textbox()
        box.submit(lambda text: text, box, box, api_name="echo")
        box.change(lambda text: text, box, box, api_name="at_once", queue=False)
    page.queue(api_open=False)
    app = GuardedApp(OwnNames.of("127.0.0.1", []), None)
    _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, _app=app)
    yield page, f"{url}gradio_api/"
    page.close()


def echo(url: str, session: str = "visitor") -> list[str]:
    """What the event of a session answers, as a browser asks for it."""
    body = {"data": ["hello"], "fn_index": 0, "session_hash": session}
    httpx.post(f"{url}queue/join", json=body).raise_for_status()
    with httpx.stream("GET", f"{url}queue/data?session_hash={session}", timeout=60) as stream:
        told = [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line]
    return next(message["output"]["data"] for message in told if message["msg"] == "process_completed")


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: name[:8])
@pytest.mark.parametrize(("path", "event"), [("queue/join", 0), ("run/predict", 1)])
def test_a_name_that_is_not_plain_is_refused_and_harms_nobody(served, path: str, event: int, name: str):
    page, url = served
    body = f'{{"data": ["x"], "fn_index": {event}, "session_hash": "{name}"}}'
    answer = httpx.post(url + path, content=body.encode(), headers=JSON)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "The session's name is not made of letters and digits.",
    )
    assert echo(url) == ["hello"]
    assert not page._queue.event_ids_to_events and not page._queue.event_analytics


def test_nothing_of_an_event_is_kept_once_it_is_over(served):
    page, url = served
    for number in range(5):
        assert echo(url, f"visitor-{number}") == ["hello"]
    assert not page._queue.event_ids_to_events and not page._queue.event_analytics
