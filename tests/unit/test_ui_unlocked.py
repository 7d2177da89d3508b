"""An event that fails for an unexpected reason leaves no page locked, on any tab: what could be pressed can be pressed
again, nothing says that work goes on, and a sentence says that it failed."""

from __future__ import annotations

import inspect
import logging
import re
from typing import Any

import pytest

from ft.ui.alerts import WENT_WRONG

GOING_ON = re.compile(r'class="(?:working|chat-status)"|…')
# Of each event that takes a while: what it is given, by the place of an input (a name is that field of the world), and
# what fails: its work, or what it does with the result.
TAKES_LONG: dict[str, tuple[dict[int, Any], list[str]]] = {
    "chat_events.send": ({0: "Who are you?"}, ["ft.chat.engine.Engine.reply", "ft.ui.chat_turns.footnote"]),
    "chat_events.retry": ({}, ["ft.chat.engine.Engine.reply", "ft.ui.chat_turns.footnote"]),
    "train.check": ({}, ["ft.train.preflight.check", "ft.ui.train_plan.plan"]),
    "train.check_small": ({}, ["ft.train.preflight.check", "ft.ui.train_plan.plan"]),
    "train.start": ({}, ["ft.train.preflight.check", "ft.ui.train_plan.plan", "ft.runs.launch.begin"]),
    "train_trial.take": ({}, ["ft.train.preflight.check", "ft.ui.train_trial.trial"]),
    "data_events.stage": ({1: "files"}, ["ft.dataset.build.stage", "ft.dataset.staging.follow"]),
    "data_events.again": ({1: "files"}, ["ft.dataset.build.stage", "ft.dataset.staging.follow"]),
    "data_events.stage_sample": ({}, ["ft.dataset.build.stage", "ft.ui.data_waiting.set_aside"]),
    "data_events.fetch": ({0: "ada/chats"}, ["ft.hub.pull.find", "ft.hub.pull.fetch", "ft.ui.data_mapping.needed"]),
    "data_near.look": ({}, ["ft.dataset.near.groups", "ft.ui.data_near.markup"]),
    "data_tokens.show": ({}, ["ft.train.tokens.look_at", "ft.ui.data_tokens.markup"]),
    "data_tokens.count_all": ({}, ["ft.train.tokens.count_all", "ft.ui.data_tokens.summary"]),
    "data_checks.look": ({}, ["ft.ui.data_checks.examine", "ft.ui.data_checks.choose"]),
    "data_checks.mend": ({}, ["ft.ui.data_checks.examine"]),
    "run_download.make": ({0: "run"}, ["ft.ui.run_download.adapter_file"]),
    "data_hub.pushed": ({2: "ada/new", 4: "hf_x"}, ["ft.hub.push.push", "ft.ui.data_hub._written"]),
}
# Those that show nothing until they are done.
AT_ONCE: dict[str, tuple[dict[int, Any], list[str]]] = {
    "data_events.save": ({0: "upload", 1: "other"}, ["ft.dataset.build.save"]),
    "data_export.exported": ({}, ["ft.dataset.export.export"]),
    "data_near.keep_one": ({2: ("", [1])}, ["ft.ui.data_near.unchanged"]),
    "data_history.combined": ({}, ["ft.dataset.versions.check_name"]),
    "chat_keep.added": ({}, ["ft.dataset.edit.apply"]),
    "run_compare.show": ({}, ["ft.ui.run_compare.told"]),
    "run_view.tick": ({}, ["ft.runs.directory.find"]),
    "run_view.stop": ({0: "run"}, ["ft.runs.launch.stop"]),
    "run_view.resume": ({0: "run"}, ["ft.runs.launch.resume"]),
}
BEFORE = {"data_checks.mend": ["data_checks.look"], "chat_keep.added": ["chat_keep.datasets", "chat_keep.follow"]}
ALL = [(name, path) for events in (TAKES_LONG, AT_ONCE) for name, (_, paths) in events.items() for path in paths]


def fail(*_: Any, **__: Any) -> Any:
    raise KeyError("a secret of the machine")


def test_every_event_that_takes_a_while_is_tried(world):
    assert {name for name, event in world.events.items() if inspect.isgeneratorfunction(event.fn)} == set(TAKES_LONG)


@pytest.mark.parametrize(("name", "fails"), ALL)
def test_an_event_that_fails_locks_nothing_and_says_so(world, visitor, hub, monkeypatch, caplog, name, fails):
    monkeypatch.setenv("SIDETUNE_HOME", str(world.home))  # that of `hub` is another
    given = {**TAKES_LONG, **AT_ONCE}[name][0]
    given = {place: getattr(world, value, value) if isinstance(value, str) else value for place, value in given.items()}
    for earlier in BEFORE.get(name, ()):
        assert visitor.run(earlier) == []
    if fails == "ft.dataset.staging.follow":
        visitor.remember("upload", world.upload)
    before = visitor.pressable()
    monkeypatch.setattr(fails, fail)
    with caplog.at_level(logging.ERROR, "sidetune"):
        (sentence,) = visitor.run(name, given)
    assert WENT_WRONG.given in sentence and "a secret of the machine" not in sentence
    assert "a secret of the machine" in caplog.text
    assert before - visitor.pressable() == set()
    assert not [text for text in visitor.texts(name) if GOING_ON.search(text)]
