"""A session has a plain name, and of an event nothing is kept once it is over."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
import httpx
import pytest

from ft.ui import sessions
from ft.ui.own_names import OwnNames
from ft.ui.page import Page
from ft.ui.server import GuardedApp

JSON = {"content-type": "application/json"}
HELD = 2  # the event that is answered once `let_go` is set
let_go = threading.Event()
HOSTILE = [r"\ud800", "a b", "a/b", r"a\n", "é", "x" * 65, "x" * 1_000_000]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Page, str]]:
    with Page(analytics_enabled=False) as page:
        box = gr.Textbox()
        box.submit(lambda text: text, box, box, api_name="echo")
        box.change(lambda text: text, box, box, api_name="at_once", queue=False)
        box.input(lambda text: (let_go.wait(60), text)[1], box, box, api_name="held")
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


def join(url: str, session: str | None, text: str = "hello") -> httpx.Response:
    """Ask for the held event."""
    return httpx.post(f"{url}queue/join", json={"data": [text], "fn_index": HELD, "session_hash": session})


def rest(page: Page) -> None:
    """Until nothing is asked for any more."""
    while any(page._queue.active_jobs) or len(page._queue):
        time.sleep(0.01)


@contextmanager
def held(page: Page, url: str) -> Iterator[None]:
    """While this lasts, one event is worked on and those that are asked for wait behind it; then all are answered."""
    rest(page)
    let_go.clear()
    try:
        join(url, "first").raise_for_status()
        while len(page._queue):
            time.sleep(0.01)
        yield
    finally:
        let_go.set()
    rest(page)


@pytest.mark.parametrize("name", ["", None])
def test_an_event_of_nobody_is_refused_and_stops_nobody_s(served, name: str | None):
    page, url = served
    with held(page, url):
        for _ in range(5):
            assert join(url, name).status_code == 400
    assert echo(url) == ["hello"]


def test_an_event_whose_session_is_forgotten_is_left_out_and_the_others_are_answered(served, monkeypatch):
    """Gradio forgets the session that was told something longest ago where there are 2,000 newer ones."""
    page, url = served
    with held(page, url):
        for number in range(3):
            join(url, f"early-{number}").raise_for_status()
        monkeypatch.setattr(page._queue.pending_messages_per_session, "max_size", 2)
        page._queue.pending_messages_per_session.clear()
        for number in range(3):
            join(url, f"late-{number}").raise_for_status()
    assert echo(url) == ["hello"]


def test_what_nobody_reads_is_not_kept_without_end(served, monkeypatch):
    """Each event that begins tells all that wait behind it how long it may take."""
    page, url = served
    monkeypatch.setattr(sessions, "UNREAD", 10)
    with held(page, url):
        for number in range(20):
            join(url, f"other-{number}").raise_for_status()
            join(url, "silent").raise_for_status()
        told = page._queue.pending_messages_per_session["silent"]
    # Beside the estimates: of each of its events that it begins and that it ends, with its output.
    assert 20 * 2 <= told.qsize() <= 20 * 2 + 10


@pytest.mark.parametrize(
    ("limit", "most", "sender"),
    [("WAITING_OF_ONE", 4, "one"), ("WAITING", 4, "several"), ("WAITING_BYTES", 4_000_000, "several")],
)
def test_no_more_waits_than_there_is_room_for(served, monkeypatch, limit: str, most: int, sender: str):
    page, url = served
    monkeypatch.setattr(sessions, limit, most)
    with held(page, url):
        answers = [join(url, f"s{number * (sender != 'one')}", "x" * 999_900) for number in range(6)]
        assert [each.status_code for each in answers] == [200] * 4 + [503] * 2
        assert "wait" in answers[-1].json()["detail"]
    assert echo(url) == ["hello"]
    assert join(url, "afterwards").status_code == 200
