"""A reply that nobody waits for ends, over the API as on the page, and who waits is told how many are before."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import gradio as gr
import httpx
import pytest
import synthetic_runs

from ft.chat.engine import Engine
from ft.chat.pair import Pair, Reply
from ft.errors import UserError
from ft.ui import api

LONG = 120  # seconds that an answer may take on a busy machine


class Endless(Engine):
    """Answers everybody in turn, with a reply that ends only when it is closed."""

    def reply(self, run_id: str, *_: Any, progress: Callable[[str], None] | None = None, **__: Any) -> Iterator[Pair]:
        with self._line.turn(progress):
            while True:
                time.sleep(0.01)
                yield Pair(Reply(run_id), Reply(run_id), True)


@pytest.fixture
def served(home) -> Iterator[tuple[Endless, str]]:
    engine = Endless()
    with gr.Blocks(analytics_enabled=False) as page:
        api.add(engine)
    page.queue(api_open=False)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, show_error=True, server_name="127.0.0.1")
    yield engine, url
    page.close()


@contextmanager
def asked(url: str, *data: object) -> Iterator[Iterator[dict[str, Any]]]:
    """The values of /chat as they come; the client leaves where the block ends."""
    call = f"{url}gradio_api/call/chat"
    event = httpx.post(call, json={"data": [*data]}, timeout=LONG).json()["event_id"]
    with httpx.stream("GET", f"{call}/{event}", timeout=LONG) as stream:
        lines = (line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: "))
        yield ((json.loads(line) or [{}])[0] for line in lines)


def until(values: Iterator[dict[str, Any]], fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    return next(value for value in values if isinstance(value, dict) and fits(value))


def test_a_client_that_leaves_frees_the_engine_and_the_next_was_told_its_place(home, served):
    engine, url = served
    one, two = (synthetic_runs.write(home, name, []).id for name in ("one", "two"))
    with ExitStack() as left:
        with asked(url, one, "hello", 8, 0) as first:
            assert until(first, lambda value: value["base"]["text"] == one)
            second = left.enter_context(asked(url, two, "hello", 8, 0))
            assert until(second, lambda value: value.get("status") == "1 other is before you")["base"]["text"] == ""
        assert until(second, lambda value: value["base"]["text"] == two)["status"] == ""
    deadline = time.monotonic() + LONG
    while engine.busy and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not engine.busy


def refusal(run: object = "run", prompt: object = "hello", limit: object = 8, temperature: object = 0.0) -> str:
    chat = api.chat_endpoint(Engine())
    with pytest.raises(gr.Error) as refused:
        list(chat(run, prompt, limit, temperature))
    return str(refused.value)


@pytest.mark.parametrize("limit", [0, -1, 1025, 10**30])
def test_more_than_a_reply_may_have_is_refused_in_words(home, limit):
    assert "it is not from 1 to 1,024" in refusal(limit=limit)


@pytest.mark.parametrize("limit", ["8", 1.5, True, [], {}, float("nan"), float("inf")])
def test_what_is_no_number_of_tokens_is_refused_in_words(home, limit):
    assert "it is not a whole number" in refusal(limit=limit)


@pytest.mark.parametrize("temperature", [float("nan"), float("inf"), "0.5", True, [], {}, 10**400])
def test_what_is_no_temperature_is_refused_in_words(home, temperature):
    assert "it is not a number" in refusal(temperature=temperature)


@pytest.mark.parametrize("temperature", [-1, -0.001, 2.1, 1e300])
def test_a_temperature_out_of_bounds_is_refused_in_words(home, temperature):
    assert "it is not from 0 to 2" in refusal(temperature=temperature)


@pytest.mark.parametrize("prompt", [7, [], {}, True, 1.5, "\ud800", "x" * 2_000_000, "", " ", None])
def test_a_prompt_that_is_no_text_is_refused_in_words(home, prompt):
    assert refusal(prompt=prompt)


@pytest.mark.parametrize("temperature", [None, 0, 1e-300, 1e-9, 1, 2])
def test_a_temperature_that_can_be_used_is_no_reason_to_refuse(home, temperature):
    assert "no such run" in refusal(temperature=temperature)


def test_who_gives_up_waiting_leaves_the_line(home):
    engine = Endless()
    first = engine.reply("first")
    next(first)

    def leave(_: str) -> None:
        raise UserError("the wait", "it was given up.", "Ask again.")

    with pytest.raises(UserError, match="given up"):
        next(engine.reply("second", progress=leave))
    assert engine.busy
    first.close()
    assert not engine.busy
