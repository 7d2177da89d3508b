"""Rejected records, one at a time: what is wrong, the record itself to mend, and reading it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ft.dataset import rejected
from ft.dataset.rejected import Rejected
from ft.errors import UserError
from ft.ui import alerts, data_choice
from ft.ui.data_change import required, told
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import PRIVATE, mark, on_change, own_tab, require_drawn, what_is_drawn

_SHOWN = 100_000  # characters of a record that are given to the page to be mended


@dataclass(frozen=True, slots=True)
class Given:
    """A record as it was given to the page: which of which file, as it is kept, and as it stands in the field."""

    file: str
    record: int
    raw: str
    text: str


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay it out and wire it."""
    with gr.Column(visible=False, elem_id="data-mend") as box:
        gr.HTML("<h3>Mend rejected records</h3>")
        words = gr.HTML()
        raw = gr.Textbox(label="The record", lines=8, max_lines=24, interactive=True, elem_classes="code-field")
        problem = alerts.place()
        with gr.Row(elem_classes="actions"):
            again = gr.Button("Read it again", size="sm", scale=0, min_width=120)
            restore = gr.Button("Put it back", size="sm", scale=0, min_width=110)
            before = gr.Button("Back", size="sm", scale=0, min_width=80)
            further = gr.Button("Next", size="sm", scale=0, min_width=80)
            file = gr.UploadButton(
                "Upload the mended file", size="sm", file_types=[".jsonl", ".json"], scale=0, min_width=190
            )
    place, given, drawn = gr.State(0), gr.State(None), what_is_drawn()
    here = [shared.dataset, staged]
    shown = [box, words, raw, before, further, place, given, drawn, problem]
    on_change([shared.looked_at, own_tab().select], show, [*here, place, given], shown)
    shared.arrival.then(show, [*here, place, given], shown, **PRIVATE)
    before.click(show_before, [*here, place, raw, given], shown, **PRIVATE)
    further.click(show_after, [*here, place, raw, given], shown, **PRIVATE)
    restore.click(show, [*here, place], shown, **PRIVATE)
    made = [staged, shared.edited, problem]
    again.click(retry, [*here, place, raw, drawn], made, **PRIVATE)
    file.upload(retry_file, [*here, file], made, **PRIVATE)


def show_before(dataset: str, staged: str, place: int, typed: str, given: Given | None) -> tuple[Any, ...]:
    """The rejected record before that place, unless something was typed that would be lost."""
    return _moved(dataset, staged, place - 1, typed, given)


def show_after(dataset: str, staged: str, place: int, typed: str, given: Given | None) -> tuple[Any, ...]:
    """The rejected record after that place, unless something was typed that would be lost."""
    return _moved(dataset, staged, place + 1, typed, given)


def _moved(dataset: str, staged: str, place: int, typed: str, given: Given | None) -> tuple[Any, ...]:
    if given is not None and typed != given.text:
        error = UserError("the record", "it was changed and not read again.", "Read it again, or put it back.")
        return *(gr.skip() for _ in range(8)), alerts.shown(error)
    return show(dataset, staged, place)


def show(dataset: str, staged: str, place: int, given: Given | None = None) -> tuple[Any, ...]:
    """The rejected record at that place (0: the first), or the last one there is.

    Where it is the one that was `given` to the page before, the field stays as it is: a person may have typed there.
    """
    try:
        looked = data_choice.looked_at(dataset, staged)
        total = sum(looked.report["rejected"].values()) if looked else 0
        if looked is None or not total:
            return gr.Column(visible=False), "", "", gr.skip(), gr.skip(), 0, None, "", alerts.hidden()
        place = max(0, min(place, total - 1))
        (found,) = rejected.page(looked, place, 1)
    except UserError as error:
        return gr.Column(visible=True), "", "", gr.skip(), gr.skip(), 0, None, "", alerts.shown(error)
    problem = found.problem
    where = f"{problem['file']}, record {problem['record']:,}" if problem["record"] else f"{problem['file']}, the file"
    where += f", turn {problem['turn']}" if problem["turn"] else ""
    words = (
        f'<p class="quiet" role="status">{place + 1:,} of {counted(total, "rejected record")}: {escape(where)}</p>'
        f"<p>{escape(problem['problem'][:1].upper() + problem['problem'][1:])} {escape(problem['fix'])}</p>"
    )
    text = pretty(found.raw)[:_SHOWN]
    # The line ends are those that a browser's field gives back.
    now = Given(*found.key, found.raw, text.replace("\r\n", "\n").replace("\r", "\n"))
    return (
        gr.Column(visible=True),
        words,
        gr.skip() if now == given else now.text,
        gr.Button(interactive=place > 0),
        gr.Button(interactive=place + 1 < total),
        place,
        now,
        _mark(found),
        alerts.hidden(),
    )


def _mark(found: Rejected) -> str:
    return mark(repr((found.key, found.raw)))


def pretty(raw: str) -> str:
    """The record with a line for each field; as it is, where it is no JSON or that would change what it says."""

    def number(text: str) -> float | int:
        value = float(text) if any(sign in text for sign in ".eE") else int(text)
        if repr(value) != text:
            raise ValueError(text)
        return value

    def fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a field stands there twice")
        return dict(pairs)

    try:
        record = json.loads(raw, parse_float=number, parse_int=number, object_pairs_hook=fields)
        text = json.dumps(record, indent=2, ensure_ascii=False)
        text.encode()  # half of a surrogate pair cannot be sent to the page
    except (ValueError, RecursionError):
        return raw
    return text if len(text) <= _SHOWN else raw


@alerts.told(outputs=2)
def retry(dataset: str, staged: str, place: int, raw: str, drawn: str) -> tuple[Any, Any]:
    """Read the record again as it stands in the field; `drawn` is the mark of the one that was put there."""
    looked = required(dataset, staged)
    found = rejected.page(looked, place, 1)
    if not found:
        raise UserError("the record", "it is not there any more.", "Choose another one.")
    require_drawn(drawn, _mark(found[0]), "the record")
    if len(found[0].raw) > _SHOWN:
        raise UserError(
            "the record", "it is too long to be mended here.", "Download the rejected records, and mend it."
        )
    return told(rejected.retry(looked, found[0], raw).looked, "1 rejected record mended")


@alerts.told(outputs=2)
def retry_file(dataset: str, staged: str, file: str | None) -> tuple[Any, Any]:
    """Read a download of rejected records again that was mended."""
    if not file:
        raise UserError("no file", "none was uploaded.", "Choose the download that you mended.")
    found = rejected.retry_file(required(dataset, staged), Path(file), Path(file).name)
    if not found.fixed:
        first = found.still[0]
        raise UserError(f"record {first.origin.record}", first.problem, first.fix)
    left = f", {len(found.still):,} still cannot be used" if found.still else ""
    return told(found.looked, f"{counted(found.fixed, 'rejected record')} mended{left}")
