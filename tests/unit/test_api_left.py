"""Work that a script asked for ends when the script has left, and its place is free again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import gradio as gr
import httpx
import pytest

from ft import hosting
from ft.dataset import sample
from ft.dataset.build import save, stage
from ft.ui import api_data, endpoint

LONG = 60  # seconds that something may take on a busy machine


class Work:
    """Goes on until it is ended."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self, *_: object, heed: Callable[[], None], **__: object) -> dict:
        self.begun.set()
        try:
            while True:
                time.sleep(0.02)
                heed()
        finally:
            self.ended.set()


@pytest.fixture
def url(home) -> Iterator[str]:
    save(stage([sample.sample_file()]), "sample")
    with gr.Blocks(analytics_enabled=False) as page:
        api_data.add()
    page.queue(api_open=False)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, show_error=True, server_name="127.0.0.1")
    yield f"{url}gradio_api/call"
    page.close()


def ask(url: str, name: str, *data: object) -> str:
    event = httpx.post(f"{url}/{name}", json={"data": [*data]}, timeout=LONG).json()["event_id"]
    return f"{url}/{name}/{event}"


@pytest.mark.parametrize(
    ("name", "inner", "more"), [("check", "checked", [[]]), ("dedup", "removing.dedup", [False, 0.8, False])]
)
def test_what_a_client_that_left_had_asked_for_ends(url: str, monkeypatch, name: str, inner: str, more: list):
    work = Work()
    monkeypatch.setattr(f"ft.ui.api_data.{inner}", work)
    with httpx.stream("GET", ask(url, name, "sample", *more), timeout=LONG):
        assert work.begun.wait(LONG) and not work.ended.is_set()
    assert work.ended.wait(LONG)
    monkeypatch.setattr(f"ft.ui.api_data.{inner}", lambda *_, **__: {"done": True})
    assert '"done": true' in httpx.get(ask(url, name, "sample", *more), timeout=LONG).text


def test_a_refusal_is_told_and_the_answer_is_the_last_that_comes(url: str):
    assert "there is no dataset of that name" in httpx.get(ask(url, "check", "nothing", []), timeout=LONG).text
    assert '"findings"' in httpx.get(ask(url, "check", "sample", []), timeout=LONG).text.split("event: complete")[1]


def test_one_request_of_a_hosted_page_has_an_end(home, monkeypatch):
    monkeypatch.setattr(endpoint, "LONGEST_HOSTED", 0.1)
    monkeypatch.setattr(hosting, "hosted", lambda: True)
    monkeypatch.setattr(api_data, "checked", Work())
    save(stage([sample.sample_file()]), "sample")
    with pytest.raises(gr.Error, match="others wait"):
        list(endpoint.attended(api_data.check)("sample"))
