"""The filters of the Conversations panel: what they hold, as the browser sends it, and each by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ft.dataset import difference, parquet
from ft.dataset.browse import Filter
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.ui import data_choice
from ft.ui.data_view import shortened
from ft.ui.optional_number import number_in
from ft.ui.strings import counted

SIDES = [("All", ""), ("To train on", "train"), ("Held out", "validation")]
KINDS = [
    ("Any", ""),
    ("With tools", "tools"),
    ("Repaired", "repaired"),
    ("With replies that are not learnt from", "untrained"),
]
ORDERS = [("As in the files", "file"), ("Longest first", "longest"), ("Shortest first", "shortest")]
SHORTEST, LONGEST = "At least so long", "At most so long"
NO_FILTERS = ("", "", "", "", "file", "", "", None)  # text, side, kind, file, order, shortest, longest, only
CHIPS = (0, 1, 2, 3, 5, 6, 7)  # the places of those that leave conversations out
_CHIP = 60  # characters of a filter's name


@dataclass(frozen=True, slots=True)
class Rows:
    """Only these conversations: the rows of the version or upload at `of` in which `title` was found."""

    title: str
    rows: tuple[int, ...]
    of: str


def filter_of(
    looked: Version | Staged,
    text: str,
    side: str,
    kind: str,
    file: str,
    order: str,
    shortest: str,
    longest: str,
    only: Rows | None,
) -> Filter:
    """What must hold of a conversation for it to pass.

    Raises:
        UserError: a length is no number, or what `only` was found in is not there any more.
    """
    return Filter(
        text=(text or "").strip(),
        side=side or "",
        file=file or "",
        tools=kind == "tools",
        repair="any" if kind == "repaired" else "",
        untrained=kind == "untrained",
        at_least=int(number_in(shortest, SHORTEST) or 0),
        at_most=int(number_in(longest, LONGEST, least=1) or 0),
        rows=_rows(looked, only),
        order=order or "file",
    )


def _rows(looked: Version | Staged, only: Rows | None) -> tuple[int, ...] | None:
    """Where those conversations stand in what is looked at; None where they are of another dataset.

    Raises:
        UserError: what they were found in is not there any more.
    """
    if only is None or not data_choice.is_of(looked, only.of):
        return None
    if only.of == str(looked.path):
        return only.rows
    now = difference.places(Path(only.of) / parquet.FILE_NAME, looked.conversations_path)
    return tuple(now[row] for row in only.rows if row in now)


def chips(filters: Sequence[Any], wanted: Filter) -> tuple[Any, ...]:
    """The row of filters that are on, the button that clears them all, and one for each of CHIPS."""
    _, side, kind, file, _, _, _, only = filters
    names = [
        f"Text: {wanted.text}" if wanted.text else "",
        _title(SIDES, side),
        _title(KINDS, kind),
        f"File: {file}" if file else "",
        f"At least {counted(wanted.at_least, 'character')}" if wanted.at_least else "",
        f"At most {counted(wanted.at_most, 'character')}" if wanted.at_most else "",
        f"Check-up: {only.title}" if only and wanted.rows is not None else "",
    ]
    on = len([name for name in names if name])
    buttons = [gr.Button(shortened(name, _CHIP), visible=bool(name)) for name in names]
    return gr.Row(visible=bool(on)), gr.Button(visible=on > 1), *buttons


def _title(choices: Sequence[tuple[str, str]], value: str) -> str:
    return next((title for title, each in choices if each == value), "") if value else ""
