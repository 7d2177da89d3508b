"""What somebody asked for and never listens to is ended: others wait for the end of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest

from ft.ui import sessions
from ft.ui.own_names import OwnNames
from ft.ui.page import Page
from ft.ui.server import GuardedApp

LONG = 60  # seconds that something may take on a busy machine


def endless(text: str) -> Iterator[str]:
    while True:
        time.sleep(0.05)
        yield text


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Page, str]]:
    monkeypatch.setattr(sessions, "UNHEARD_SECONDS", 0.8)
    with Page(analytics_enabled=False) as page:
        box = gr.Textbox()
        box.submit(endless, box, box, api_name="endless", concurrency_limit=1)
    page.queue(api_open=False)
    app = GuardedApp(OwnNames.of("127.0.0.1", []), None)
    _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, _app=app)
    yield page, f"{url}gradio_api/call/endless"
    page.close()


def ask(url: str) -> str:
    return f"{url}/{httpx.post(url, json={'data': ['x']}).json()['event_id']}"


def test_what_nobody_hears_of_is_ended_also_while_it_waits_and_is_told_to_who_listens_late(served):
    page, url = served
    going, waiting = ask(url), ask(url)
    deadline = time.monotonic() + LONG
    while any(page._queue.active_jobs) or len(page._queue):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for late in (going, waiting):
        with httpx.stream("GET", late, timeout=LONG) as stream:
            assert any("Nobody listened" in line for line in stream.iter_lines())


def test_who_listens_is_answered_for_as_long_as_they_do(served):
    _, url = served
    with httpx.stream("GET", ask(url), timeout=LONG) as stream:
        lines, until, seen = stream.iter_lines(), time.monotonic() + 4, 0
        while time.monotonic() < until:
            seen += "generating" in next(lines)
    assert seen > 10
