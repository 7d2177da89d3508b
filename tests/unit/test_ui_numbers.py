"""A number is what it means, whole or not (1 or 1.0), from the page and from scripts; and one that is still typed is no
reason for an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from answers import refused

from ft.chat.engine import Engine
from ft.ui import api, api_data, chat_reply
from ft.ui.alerts import WENT_WRONG

EVENTS = (
    *("chat_events.send", "chat_events.remember", "data_near.look", "data_tokens.show"),
    *("data_events.hold_out", "data_events.stage", "data_tokens.count_all", "train.check", "train_form.fitted"),
)
Given = Callable[[Any], float | None]


def outcome(visitor: Any, monkeypatch: pytest.MonkeyPatch, name: str, number: Given) -> Any:
    """What the page shows and what is asked of the engine where each number of the event's inputs is `number` of it."""
    asked: list[Any] = []

    def reply(_: Engine, *given: Any, progress: Any, **named: Any) -> Any:
        asked.append((given, {key: (type(value), value) for key, value in named.items()}))
        return iter(())

    monkeypatch.setattr(Engine, "reply", reply)
    inputs = enumerate(visitor.world.events[name].inputs)
    numbers = {place: number(block) for place, block in inputs if isinstance(block, gr.Number | gr.Slider)}
    given = {"chat_events.send": {0: "Hi"}, "data_events.stage": {1: visitor.world.files}}.get(name, {})
    assert numbers
    said = [*visitor.run(name, {**given, **numbers}), *visitor.texts(name)]
    return [re.sub(r"(\d)\.0\b", r"\1", text) for text in said], asked


def whole(block: Any) -> int:
    return max(1, round(block.minimum or 0))


@pytest.mark.parametrize("name", EVENTS)
def test_a_whole_number_of_the_page_is_the_same_written_as_a_fraction(visitor, monkeypatch, name):
    monkeypatch.setattr(chat_reply, "randrange", lambda most: 7)
    written = outcome(visitor, monkeypatch, name, whole)
    assert outcome(visitor, monkeypatch, name, lambda block: float(whole(block))) == written


@pytest.mark.parametrize("number", [None, -1_000_000, 1_000_000], ids=["emptied", "below", "above"])
@pytest.mark.parametrize("name", ["chat_events.send", "chat_events.remember", "data_near.look", "data_events.hold_out"])
def test_what_stands_in_the_box_of_a_slider_while_it_is_typed_is_no_error(visitor, monkeypatch, name, number):
    said, _ = outcome(visitor, monkeypatch, name, lambda _: number)
    assert not [text for text in said if WENT_WRONG.given in text or text.startswith("'Value ")]


@pytest.mark.parametrize("name", EVENTS)
def test_an_emptied_number_of_the_page_is_no_bug(visitor, monkeypatch, name):
    said, _ = outcome(visitor, monkeypatch, name, lambda _: None)
    assert WENT_WRONG.given not in str(said)


ENDPOINTS: list[tuple[Callable[..., Any], dict[str, Any], dict[str, int]]] = [
    (api_data.inspect, {"dataset": "chats"}, {"row": 1, "max_length": 64}),
    (api_data.inspect, {"dataset": "chats"}, {"row": 0, "max_length": 64}),
    (api_data.dedup, {"dataset": "chats", "near": True, "dry_run": True}, {"threshold": 1}),
]


@pytest.mark.parametrize(("endpoint", "given", "numbers"), ENDPOINTS)
def test_a_whole_number_of_a_script_is_the_same_written_as_a_fraction(world, visitor, endpoint, given, numbers):
    if endpoint is api_data.inspect:
        given = {**given, "model": world.model}
    fractions = {name: float(value) for name, value in numbers.items()}
    assert refused(lambda: endpoint(**given, **numbers)) == refused(lambda: endpoint(**given, **fractions))


@pytest.mark.parametrize("number", [1, 1.0])
def test_a_setting_of_a_script_is_of_its_own_type(world, visitor, monkeypatch, number):
    configs: list[Any] = []
    monkeypatch.setattr("ft.runs.launch.begin", lambda version, config, name: configs.append(config) or fail())
    settings = {"model": world.model, "learning_rate": number, "lora_rank": number, "epochs": number}
    refused(lambda: api.train("chats", settings))
    (config,) = configs
    assert [(type(value), value) for value in (config.learning_rate, config.lora_rank, config.epochs)] == [
        (float, 1.0),
        (int, 1),
        (float, 1.0),
    ]


def fail() -> None:
    from ft.errors import UserError

    raise UserError("the run", "it is not started here.", "See its settings.")
