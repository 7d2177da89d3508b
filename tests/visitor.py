"""Somebody on the page, without a browser: events run on the server as a browser asks for them, one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from answers import waited
from gradio.blocks import BlockFunction
from stranger import publish
from synthetic_runs import events_of, write

from ft.chat.pair import Pair, Reply
from ft.dataset.build import SourceFile, save, stage
from ft.ui import app
from ft.ui.page import Page
from ft.ui.sessions import Session

REPLIES = {"base": "Hello.", "tuned": "Ahoy."}
ARRIVALS = ("data_events.show", "train.arrive", "chat_events.choose", "runs.arrive")


@dataclass
class World:
    """The page, and what there is in $SIDETUNE_HOME: a dataset, an upload of the same `files`, two runs, the newer one
    last. `model` is a base model as far as tokens are counted."""

    page: Page
    home: Path
    files: list[tuple[str, str, str]]
    upload: str
    runs: list[str]
    model: str

    @property
    def run(self) -> str:
        return self.runs[-1]

    @property
    def events(self) -> dict[str, BlockFunction]:
        """The events of the page by the names of their functions, the first of each."""
        private = [event for event in self.page.fns.values() if event.fn and event.api_visibility == "private"]
        return {_name(event): event for event in reversed(private)}


def make_world(home: Path, files: Path) -> World:
    """The world in `home`, which is $SIDETUNE_HOME; its files and its model lie in `files`."""
    rows = [{"prompt": f"Question {n}?", "completion": f"Write to someone{n}@example.org."} for n in range(12)]
    source = SourceFile(files / "chats.jsonl", "chats.jsonl")
    source.path.write_text("\n".join(map(json.dumps, [*rows, rows[0]])), encoding="utf-8")
    save(stage([source]), "chats")
    told = events_of(lambda epoch: 4 - epoch, None, steps=20)
    runs = [write(home, name, told, hour=hour) for hour, name in enumerate("ab")]
    for run in runs:
        run.adapter.mkdir()
        (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    upload, names = stage([source]).id, [run.id for run in runs]
    return World(app.build(), home, [(str(source.path), source.name, "")], upload, names, publish(files / "model"))


def replies(*_: Any, **__: Any) -> Iterator[Pair]:
    """What an engine answers, where no model is needed."""
    for words in ("Aye", "Aye, I", "Aye, I am."):
        yield Pair(Reply(words, len(words)), Reply(words, len(words)), True)


class Visitor:
    """What the browser of somebody shows who looks at the world's dataset and has a chat with its newer run: the
    properties of all components, as the updates of events leave them."""

    def __init__(self, world: World) -> None:
        self.world, self.state = world, Session(world.page)
        self.shown: dict[int, dict[str, Any]] = {
            block._id: dict(block.get_config()) for block in world.page.blocks.values()
        }
        self.buttons = [block for block in world.page.blocks.values() if isinstance(block, gr.Button)]
        turn = {"user": "Hi", **{side: {"text": text, "reason": "stop"} for side, text in REPLIES.items()}}
        for key, value in {"dataset": "chats", "chat": {f"{world.run}/best": [turn]}}.items():
            self.remember(key, value)
        for name in ARRIVALS:
            assert self.run(name) == []
        self.fill("What it starts from", world.model)
        self.fill("Base model, whose tokenizer counts", world.model)
        self.fill("Runs to compare", world.runs)

    def remember(self, key: str, value: Any) -> None:
        """Let the browser keep a value under that key."""
        self.shown[self._kept(key)]["value"] = value

    def kept(self, key: str) -> Any:
        """What the browser keeps under that key."""
        return self.shown[self._kept(key)]["value"]

    def _kept(self, key: str) -> int:
        blocks = self.world.page.blocks.values()
        (kept,) = [block for block in blocks if getattr(block, "storage_key", "") == f"sidetune-{key}"]
        return kept._id

    def value(self, label: str) -> Any:
        """What the field of that label holds."""
        (field,) = [block for block in self.world.page.blocks.values() if getattr(block, "label", None) == label]
        return self.shown[field._id]["value"]

    def fill(self, label: str, value: Any) -> None:
        """Give all fields of that label a value."""
        for block in self.world.page.blocks.values():
            if getattr(block, "label", None) == label:
                self.shown[block._id]["value"] = value

    def run(self, name: str, given: dict[int, Any] | None = None, seen: Callable[[], None] | None = None) -> list[str]:
        """Run the event with that function to its end, with these values at these places of its inputs; the sentences
        that say why it failed. `seen` is called whenever the page shows something else."""
        event = self.world.events[name]
        for place, value in (given or {}).items():
            block = event.inputs[place]
            self.shown[block._id]["value"] = value
            if block.stateful:
                self.state[block._id] = value
        return waited(self._steps(event, [self.shown[block._id].get("value") for block in event.inputs], seen))

    async def _steps(self, event: BlockFunction, inputs: list[Any], seen: Callable[[], None] | None) -> list[str]:
        iterator: Any = None
        try:
            while True:
                result = await self.world.page.process_api(event, inputs, state=self.state, iterator=iterator)
                iterator = result["iterator"]
                for block, update in zip(event.outputs, result["data"], strict=True):
                    if isinstance(update, dict) and update.get("__type__") == "update":
                        self.shown[block._id].update(update)
                    elif update is not None:
                        self.shown[block._id]["value"] = update
                if iterator is None:
                    break
                if seen:
                    seen()
        except gr.Error as error:
            return [str(error)]
        places = [self.shown[b._id] for b in event.outputs if "refusal" in (getattr(b, "elem_classes", None) or [])]
        return [str(place["value"]) for place in places if place["visible"]]

    def pressable(self) -> set[str]:
        """The buttons that can be pressed."""
        return {
            f"{block._id} {self.shown[block._id]['value']}"
            for block in self.buttons
            if self.shown[block._id]["visible"] and self.shown[block._id]["interactive"] is not False
        }

    def texts(self, name: str) -> list[str]:
        """The texts that the event with that function writes, as they are shown."""
        outputs = self.world.events[name].outputs
        shown = [self.shown[block._id] for block in outputs if isinstance(block, gr.HTML)]
        return [str(each["value"]) for each in shown if each["visible"]]


def _name(event: BlockFunction) -> str:
    function: Any = event.fn
    while isinstance(function, partial):
        function = function.func
    return f"{function.__module__}.{function.__qualname__}".removeprefix("ft.ui.")
