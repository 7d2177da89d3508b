"""What a person or a model wrote is shown letter by letter, whatever marks it holds, in each place that draws it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from markup import Elements

from formats.conversation import Conversation, Message, Origin
from formats.repair import REPAIRS
from ft.checks.doctor import Example, Finding
from ft.dataset import build, edit, near, versions
from ft.dataset.change import replacement
from ft.template.microscope import Piece
from ft.ui import (
    data_browse_events,
    data_checks,
    data_events,
    data_history,
    data_hub,
    data_mapping,
    data_near,
    data_rejected,
    data_tokens,
    marks,
)

TEXT = "<tools> </tool_call> <b>x</b> _y_ $$z$$ {{n}} ${v} & &lt;"
COLUMN = f"c {TEXT}"


@dataclass(frozen=True)
class Chats:
    """A dataset of two versions whose texts and rejected records hold TEXT, and a table with TEXT as the name of a
    column."""

    new: versions.Version
    old: versions.Version
    table: Path


@pytest.fixture
def chats(home: Path, tmp_path: Path) -> Chats:
    rows: list[dict[str, Any]] = [{"prompt": TEXT, "completion": f"{TEXT} again"}] * 2
    rows += [{"prompt": f"{TEXT} {n}?", "completion": "Yes."} for n in range(6)]
    rows += [{"conversations": [{"from": TEXT, "value": "a"}, {"from": "gpt", "value": "b"}]}]
    file, table = tmp_path / "chats.jsonl", tmp_path / "table.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    table.write_text("\n".join(json.dumps({COLUMN: f"{n} {TEXT}", "other": "a"}) for n in range(3)), encoding="utf-8")
    old = build.save(build.stage([build.SourceFile(file, "chats.jsonl")]), "chats")
    spoken = (Message("user", TEXT), Message("assistant", "Now."))
    new = edit.apply(old, replacement(3, Conversation(spoken, Origin("chats.jsonl", 4))))
    assert isinstance(new, versions.Version)
    return Chats(new, old, table)


def conversations(chats: Chats) -> Any:
    return data_browse_events.show("chats", "", None, data_browse_events.Shown())


def duplicates(chats: Chats) -> str:
    return data_near.markup(chats.new, near.groups(chats.new.conversations()))


def difference(chats: Chats) -> Any:
    return data_history.difference("chats", "", "v1")


def check_up(chats: Chats) -> Any:
    finding = Finding("short", TEXT, TEXT, (0,), (Example(0, TEXT, TEXT),))
    return data_checks.choose(data_checks.Found(findings=(finding,)), "short")


def rejected(chats: Chats) -> Any:
    return data_rejected.show("chats", "", 0)


def mapping(chats: Chats) -> Any:
    return data_mapping.previewed([str(chats.table)], [], "pairs", COLUMN, "other", *[""] * 9)


def mapping_refused(chats: Chats) -> Any:
    return data_mapping.previewed([str(chats.table)], [], "pairs", COLUMN, COLUMN, *[""] * 9)


def unread_placeholders(chats: Chats) -> Any:
    on = [code for code, kind in REPAIRS.items() if kind.on]
    return list(data_events.stage([str(chats.table)], [], "auto", on, TEXT, None, 0, "", []))[-1]


def hub_note(chats: Chats) -> str:
    return data_hub.note(TEXT)


def token(chats: Chats) -> str:
    return data_tokens._token(Piece(TEXT, (1, 2), "context", False))


def plan(chats: Chats) -> str:
    return marks.html(f"- {TEXT}")


PLACES = (
    *(conversations, duplicates, difference, check_up, rejected, mapping, mapping_refused, unread_placeholders),
    *(hub_note, token, plan),
)


def drawn(update: Any) -> list[str]:
    """The HTML in an update."""
    if isinstance(update, list | tuple):
        return [html for part in update for html in drawn(part)]
    value = update["value"] if isinstance(update, dict) and "value" in update else getattr(update, "value", update)
    wrong = isinstance(update, gr.components.Component) and not isinstance(update, gr.HTML)
    return [value] if isinstance(value, str) and not wrong else []


@pytest.mark.parametrize("place", PLACES)
def test_marks_of_any_kind_are_shown_as_they_were_written(chats: Chats, place: Callable[[Chats], Any]):
    assert TEXT in "".join(Elements(html).text for html in drawn(place(chats)) if html.lstrip().startswith("<"))
