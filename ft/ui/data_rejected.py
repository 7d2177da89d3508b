"""Rejected records, one at a time: what is wrong, the record itself to mend, and reading it again."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ft.dataset import rejected
from ft.errors import UserError
from ft.ui import alerts, data_choice
from ft.ui.data_change import required, told
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import SHARED_EVENT, own_tab

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_SHOWN = 100_000  # characters of a record that are given to the page to be mended


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay it out and wire it."""
    with gr.Column(visible=False, elem_id="data-mend") as box:
        gr.HTML("<h3>Mend rejected records</h3>")
        words = gr.HTML()
        raw = gr.Code(language="json", label="The record", lines=8, max_lines=24, interactive=True)
        problem = alerts.place()
        with gr.Row(elem_classes="actions"):
            again = gr.Button("Read it again", scale=0, min_width=140)
            before = gr.Button("Back", size="sm", scale=0, min_width=80)
            further = gr.Button("Next", size="sm", scale=0, min_width=80)
            back = gr.UploadButton(
                "Bring the mended download", size="sm", file_types=[".jsonl", ".json"], scale=0, min_width=220
            )
    place = gr.State(0)
    here = [shared.dataset, staged]
    shown = [box, words, raw, place, problem]
    seen = [shared.dataset.change, staged.change, shared.edited.change, own_tab().select]
    gr.on(seen, show, [*here, place], shown, **SHARED_EVENT)
    shared.arrival.then(show, [*here, place], shown, **PRIVATE)
    before.click(show_before, [*here, place], shown, **PRIVATE)
    further.click(show_after, [*here, place], shown, **PRIVATE)
    made = [staged, shared.edited, problem]
    again.click(retry, [*here, place, raw], made, **PRIVATE)
    back.upload(retry_file, [*here, back], made, **PRIVATE)


def show_before(dataset: str, staged: str, place: int) -> tuple[Any, ...]:
    return show(dataset, staged, place - 1)


def show_after(dataset: str, staged: str, place: int) -> tuple[Any, ...]:
    return show(dataset, staged, place + 1)


def show(dataset: str, staged: str, place: int) -> tuple[Any, ...]:
    """The rejected record at that place (0: the first), or the last one there is."""
    try:
        looked = data_choice.looked_at(dataset, staged)
        total = sum(looked.report["rejected"].values()) if looked else 0
        if looked is None or not total:
            return gr.Column(visible=False), "", "", 0, alerts.hidden()
        place = max(0, min(place, total - 1))
        (found,) = rejected.page(looked, place, 1)
    except UserError as error:
        return gr.Column(visible=True), "", "", 0, alerts.shown(error)
    problem = found.problem
    where = f"{problem['file']}, record {problem['record']:,}" if problem["record"] else f"{problem['file']}, the file"
    where += f", turn {problem['turn']}" if problem["turn"] else ""
    words = (
        f'<p class="quiet" role="status">{place + 1:,} of {counted(total, "rejected record")}: {escape(where)}</p>'
        f"<p>{escape(problem['problem'][:1].upper() + problem['problem'][1:])} {escape(problem['fix'])}</p>"
    )
    return gr.Column(visible=True), words, found.raw[:_SHOWN], place, alerts.hidden()


@alerts.told(outputs=2)
def retry(dataset: str, staged: str, place: int, raw: str) -> tuple[Any, Any]:
    """Read the record again as it stands in the field."""
    looked = required(dataset, staged)
    found = rejected.page(looked, place, 1)
    if not found:
        raise UserError("the record", "it is not there any more.", "Choose another one.")
    if len(found[0].raw) > _SHOWN:
        raise UserError(
            "the record", "it is too long to be mended here.", "Download the rejected records, and mend it."
        )
    return told(rejected.retry(looked, found[0], raw).looked, "1 rejected record mended")


@alerts.told(outputs=2)
def retry_file(dataset: str, staged: str, file: str) -> tuple[Any, Any]:
    """Read a download of rejected records again that was mended."""
    found = rejected.retry_file(required(dataset, staged), Path(file), Path(file).name)
    if not found.fixed:
        first = found.still[0]
        raise UserError(f"record {first.origin.record}", first.problem, first.fix)
    left = f", {len(found.still):,} still cannot be used" if found.still else ""
    return told(found.looked, f"{counted(found.fixed, 'rejected record')} mended{left}")
