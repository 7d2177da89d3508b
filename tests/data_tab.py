"""The Data tab's events as a test calls them: files to upload, what is staged, saved, refused and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from formats.repair import REPAIRS
from ft.ui import data_events

CHATS = [
    {"messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": f"Answer {n}."}]}
    for n in range(12)
]
# What `show` updates, in the order in which the page wires it.
SHOWN = (
    *(
        "there",
        "sample",
        "empty",
        "welcome",
        "main",
        "heading",
        "saving",
        "name",
        "named",
        "go_on",
        "undo",
        "redo",
        "mend",
    ),
    *("details", "rejected", "trouble"),
)
HOW = ("auto", [code for code, kind in REPAIRS.items() if kind.on], "", None)  # format, repairs, fill, columns
UNANSWERED = {"messages": [{"role": "user", "content": "no reply"}]}


def write(path: Path, *records: object) -> str:
    path.write_text("\n".join(json.dumps(each) for each in records), encoding="utf-8")
    return str(path)


def staged(updates: Any) -> str:
    """The id that the last update of a staging event names."""
    return list(updates)[-1][0]


def upload(tmp_path: Path, name: str = "my chats.jsonl", before: str = "", extra: tuple[object, ...] = ()) -> str:
    return staged(data_events.stage([write(tmp_path / name, *CHATS, UNANSWERED, *extra)], [], *HOW, 10, before, []))


def save(upload_id: str, name: str, agreed: str = "") -> tuple[Any, ...]:
    return data_events.save(upload_id, [], name, agreed, None)


def refused(update: Any) -> str:
    return update["value"] if update["visible"] else ""


def shown(dataset: str, upload_id: str, named: str = "", waiting: object = ()) -> dict[str, Any]:
    values = data_events.show(dataset, upload_id, waiting, named)
    assert len(values) == len(SHOWN)
    return dict(zip(SHOWN, values, strict=True))


def stage_of(*updates: Any) -> tuple[str, list[str]]:
    """The upload that is looked at after a staging event, and those that wait beside it."""
    last = list(updates[0])[-1]
    return last[0], last[1]
