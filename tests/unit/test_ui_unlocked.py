"""An event that fails for an unexpected reason leaves no page locked, on any tab: what could be pressed can be pressed
again, nothing says that work goes on, and a sentence says that it failed."""

from __future__ import annotations

import inspect
import json
import logging
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr
import pytest
from answers import waited
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState
from stranger import publish
from synthetic_runs import events_of, write

from ft.chat.engine import Engine
from ft.chat.pair import Pair, Reply
from ft.dataset.build import SourceFile, save, stage
from ft.ui import app
from ft.ui.alerts import WENT_WRONG
from ft.ui.page import Page

GOING_ON = re.compile(r'class="(?:working|chat-status)"|…')
# Of each event that takes a while: what it is given, by the label, the id or the place of an input, and what fails: its
# work, or what it does with the result.
TAKES_LONG: dict[str, tuple[dict[str | int, Any], list[str]]] = {
    "chat_events.send": ({0: "Who are you?"}, ["ft.chat.engine.Engine.reply", "ft.ui.chat_turns.footnote"]),
    "chat_events.retry": ({}, ["ft.chat.engine.Engine.reply", "ft.ui.chat_turns.footnote"]),
    "train.check": ({}, ["ft.train.preflight.check", "ft.ui.train_plan.plan"]),
    "train.check_small": ({}, ["ft.train.preflight.check", "ft.ui.train_plan.plan"]),
    "train.start": ({}, ["ft.train.preflight.check", "ft.ui.train_plan.plan", "ft.runs.launch.begin"]),
    "train_trial.take": ({}, ["ft.train.preflight.check", "ft.ui.train_trial.trial"]),
    "data_events.stage": ({1: "files"}, ["ft.dataset.build.stage", "ft.dataset.staging.follow"]),
    "data_events.again": ({1: "files"}, ["ft.dataset.build.stage", "ft.dataset.staging.follow"]),
    "data_events.stage_sample": ({}, ["ft.dataset.build.stage", "ft.dataset.staging.follow"]),
    "data_events.fetch": ({0: "ada/chats"}, ["ft.hub.pull.find", "ft.hub.pull.fetch", "ft.ui.data_mapping.needed"]),
    "data_near.look": ({}, ["ft.dataset.near.groups", "ft.ui.data_near.markup"]),
    "data_tokens.show": ({}, ["ft.train.tokens.look_at", "ft.ui.data_tokens.markup"]),
    "data_tokens.count_all": ({}, ["ft.train.tokens.count_all", "ft.ui.data_tokens.summary"]),
    "data_checks.look": ({}, ["ft.ui.data_checks.examine", "ft.ui.data_checks.choose"]),
    "data_checks.mend": ({}, ["ft.ui.data_checks.examine"]),
    "data_hub.pushed": ({2: "ada/new", 4: "hf_x"}, ["ft.hub.push.push", "ft.ui.data_hub._written"]),
}
# Those that show nothing until they are done.
AT_ONCE: dict[str, tuple[dict[str | int, Any], list[str]]] = {
    "data_events.save": ({0: "upload", 1: "other"}, ["ft.dataset.build.save"]),
    "data_export.exported": ({}, ["ft.dataset.export.export"]),
    "data_near.keep_one": ({2: ("", [1])}, ["ft.ui.data_near.unchanged"]),
    "data_history.combined": ({}, ["ft.dataset.versions.check_name"]),
    "chat_keep.added": ({}, ["ft.ui.chat_turns.turns_of"]),
    "run_compare.show": ({}, ["ft.ui.run_compare.told"]),
    "run_view.tick": ({}, ["ft.runs.directory.find"]),
    "run_view.stop": ({0: "run"}, ["ft.runs.launch.stop"]),
    "run_view.resume": ({0: "run"}, ["ft.runs.launch.resume"]),
}
ARRIVALS = ("data_events.show", "train.arrive", "chat_events.choose", "runs.arrive")
ALL = [(name, path) for events in (TAKES_LONG, AT_ONCE) for name, (_, paths) in events.items() for path in paths]


class Visitor:
    """What a browser shows: the properties of all components, as the updates of events leave them."""

    def __init__(self, page: Page) -> None:
        self.page, self.state = page, SessionState(page)
        self.shown: dict[int, dict[str, Any]] = {block._id: dict(block.get_config()) for block in page.blocks.values()}
        self.buttons = [block for block in page.blocks.values() if isinstance(block, gr.Button)]

    def remember(self, key: str, value: Any) -> None:
        """What the browser keeps under that key."""
        (kept,) = [b for b in self.page.blocks.values() if getattr(b, "storage_key", "") == f"sidetune-{key}"]
        self.shown[kept._id]["value"] = value

    def fill(self, label: str, value: Any) -> None:
        """Give all fields of that label a value."""
        for block in self.page.blocks.values():
            if getattr(block, "label", None) == label:
                self.shown[block._id]["value"] = value

    def run(self, event: BlockFunction, given: dict[str | int, Any] | None = None) -> list[str]:
        """Run the event to its end; the sentences that say why it failed."""
        for where, value in (given or {}).items():
            block = event.inputs[where]
            self.shown[block._id]["value"] = value
            if block.stateful:
                self.state[block._id] = value
        return waited(self._steps(event, [self.shown[block._id].get("value") for block in event.inputs]))

    async def _steps(self, event: BlockFunction, inputs: list[Any]) -> list[str]:
        iterator: Any = None
        try:
            while True:
                result = await self.page.process_api(event, inputs, state=self.state, iterator=iterator)
                iterator = result["iterator"]
                for block, update in zip(event.outputs, result["data"], strict=True):
                    if isinstance(update, dict) and update.get("__type__") == "update":
                        self.shown[block._id].update(update)
                    elif update is not None:
                        self.shown[block._id]["value"] = update
                if iterator is None:
                    break
        except gr.Error as error:
            return [str(error)]
        places = [self.shown[b._id] for b in event.outputs if "refusal" in (getattr(b, "elem_classes", None) or [])]
        return [str(place["value"]) for place in places if place["visible"]]

    def pressable(self) -> set[str]:
        return {
            f"{block._id} {self.shown[block._id]['value']}"
            for block in self.buttons
            if self.shown[block._id]["visible"] and self.shown[block._id]["interactive"] is not False
        }

    def texts(self, event: BlockFunction) -> list[str]:
        shown = [self.shown[block._id] for block in event.outputs if isinstance(block, gr.HTML)]
        return [str(each["value"]) for each in shown if each["visible"]]


def name_of(event: BlockFunction) -> str:
    function: Any = event.fn
    while isinstance(function, partial):
        function = function.func
    return f"{function.__module__}.{function.__qualname__}".removeprefix("ft.ui.")


def events(page: Page) -> dict[str, BlockFunction]:
    """The events of the page by the names of their functions, the first of each."""
    private = [event for event in page.fns.values() if event.fn and event.api_visibility == "private"]
    return {name_of(event): event for event in reversed(private)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A home with a dataset, two runs and an upload; a base model; and the page."""
    home, files = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    rows = [{"prompt": f"Question {n}?", "completion": f"Write to someone{n}@example.org."} for n in range(12)]
    (files / "chats.jsonl").write_text("\n".join(map(json.dumps, [*rows, rows[0]])), encoding="utf-8")
    source = SourceFile(files / "chats.jsonl", "chats.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(home))
        save(stage([source]), "chats")
        upload = stage([source]).id
        events = events_of(lambda epoch: 4 - epoch, None, steps=20)
        runs = [write(home, name, events, hour=hour) for hour, name in enumerate("ab")]
        for run in runs:
            run.adapter.mkdir()
            (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")
        names = [run.id for run in runs]
        return {
            "page": app.build(),
            "home": home,
            "files": [(str(source.path), source.name, "")],
            "upload": upload,
            "model": publish(files / "model"),
            "runs": names,
            "run": names[-1],
        }


@pytest.fixture
def visitor(world: dict[str, Any], hub: Any, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """Somebody who looks at the dataset, and has a chat with the newer run."""
    monkeypatch.setenv("SIDETUNE_HOME", str(world["home"]))
    monkeypatch.setattr(Engine, "reply", replies)
    turn = {"user": "Hi", "base": {"text": "Hello."}, "tuned": {"text": "Ahoy."}}
    visitor = Visitor(world["page"])
    for key, value in {"dataset": "chats", "chat": {f"{world['runs'][-1]}/best": [turn]}}.items():
        visitor.remember(key, value)
    for name in ARRIVALS:
        assert visitor.run(events(world["page"])[name]) == []
    visitor.fill("What it starts from", world["model"])
    visitor.fill("Base model, whose tokenizer counts", world["model"])
    visitor.fill("Runs to compare", world["runs"])
    return visitor


def replies(*_: Any, **__: Any) -> Iterator[Pair]:
    for words in ("Aye", "Aye, I", "Aye, I am."):
        yield Pair(Reply(words, len(words)), Reply(words, len(words)), True)


def fail(*_: Any, **__: Any) -> Any:
    raise KeyError("a secret of the machine")


def test_every_event_that_takes_a_while_is_tried(world):
    shown = {name for name, event in events(world["page"]).items() if inspect.isgeneratorfunction(event.fn)}
    assert shown == set(TAKES_LONG)


@pytest.mark.parametrize(("name", "fails"), ALL)
def test_an_event_that_fails_locks_nothing_and_says_so(world, visitor, monkeypatch, caplog, name, fails):
    event = events(world["page"])[name]
    given = {**TAKES_LONG, **AT_ONCE}[name][0]
    given = {where: world.get(value, value) if isinstance(value, str) else value for where, value in given.items()}
    if name == "data_checks.mend":
        assert visitor.run(events(world["page"])["data_checks.look"]) == []
    if fails == "ft.dataset.staging.follow":
        visitor.remember("upload", world["upload"])
    before = visitor.pressable()
    monkeypatch.setattr(fails, fail)
    with caplog.at_level(logging.ERROR, "sidetune"):
        (sentence,) = visitor.run(event, given)
    assert WENT_WRONG.given in sentence and "a secret of the machine" not in sentence
    assert "a secret of the machine" in caplog.text
    assert before - visitor.pressable() == set()
    assert not [text for text in visitor.texts(event) if GOING_ON.search(text)]
