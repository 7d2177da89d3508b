"""The History panel of the Data tab: all versions of a dataset, what differs between them, and which one is used."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import gradio as gr

from ft.dataset import build as building
from ft.dataset import combine as combining
from ft.dataset import parquet, versions
from ft.dataset.combine import Part
from ft.dataset.difference import Difference, compare
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice, data_view
from ft.ui.data_change import required
from ft.ui.data_choice import moment
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import SHARED_EVENT, own_tab

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_DRAWN = 10  # conversations of each kind


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the panel out and wire it."""
    there = gr.Radio([], label="Versions", elem_classes="choice-list", elem_id="data-versions")
    with gr.Row(elem_classes="actions"):
        use = gr.Button("Use this version", size="sm", scale=0, min_width=150)
        differ = gr.Button("What differs from the one in use", size="sm", scale=0, min_width=240)
    problem = alerts.place()
    shown = gr.HTML(elem_id="data-difference")
    with gr.Accordion("Combine with other datasets", open=False):
        others = gr.Dropdown([], multiselect=True, label="Other datasets", elem_id="data-others")
        with gr.Row():
            weight = gr.Number(
                1, label="How much of each of them", info="**weight** · 0.5 is half, 2 is twice", minimum=0
            )
            cap = gr.Number(0, label="At most so many of each", info="conversations · 0 is no limit", precision=0)
        with gr.Row(elem_classes="actions save-row"):
            name = gr.Textbox("combined", label="Name of the new dataset", max_lines=1, max_length=64, min_width=180)
            combine = gr.Button("Combine", scale=0, min_width=110)
    here = [shared.dataset, staged]
    listed = [there, others, shown, problem]
    gr.on(
        [shared.dataset.change, staged.change, shared.edited.change, own_tab().select],
        show,
        here,
        listed,
        **SHARED_EVENT,
    )
    use.click(use_version, [*here, there], [shared.edited, problem], **PRIVATE)
    differ.click(difference, [*here, there], [shown, problem], **PRIVATE)
    made = [shared.dataset, problem]
    combine.click(combined, [*here, others, weight, cap, name], made, concurrency_limit=1, **PRIVATE)


def show(dataset: str, staged: str) -> tuple[Any, ...]:
    """The versions of what is looked at, and the other datasets."""
    try:
        looked = data_choice.looked_at(dataset, staged)
    except UserError as error:
        return gr.Radio([]), gr.Dropdown([]), "", alerts.shown(error)
    if not isinstance(looked, Version):
        return (
            gr.Radio([]),
            gr.Dropdown([], value=[]),
            "<p class='note'>An upload has no versions yet.</p>",
            alerts.hidden(),
        )
    found = [(_words(each, looked), each.version) for each in versions.list_versions(looked.name)]
    others = [each.name for each in versions.list_datasets() if each.name != looked.name]
    return gr.Radio(found, value=looked.version), gr.Dropdown(others, value=[]), "", alerts.hidden()


def _words(version: Version, used: Version) -> str:
    source = version.source
    made = source.get("edit") or "made from " + ", ".join(str(file["name"]) for file in source["files"][:3])
    now = " · in use" if version == used else ""
    return (
        f"{version.version.removeprefix('v')} · {made} · {counted(version.count(), 'conversation')} · "
        f"{moment(source['created'])}{now}"
    )


def _saved(dataset: str, staged: str) -> Version:
    looked = required(dataset, staged)
    if not isinstance(looked, Version):
        raise UserError("the upload", "it is not saved yet.", "Save it under a name first.")
    return looked


@alerts.told(outputs=1)
def use_version(dataset: str, staged: str, chosen: str | None) -> Any:
    """Let the dataset be as it was in that version: a new value for `shared.edited`."""
    looked = _saved(dataset, staged)
    versions.use(versions.find(f"{looked.name}@{chosen or looked.version}"))
    return time.time_ns()


@alerts.told(outputs=1)
def difference(dataset: str, staged: str, chosen: str | None) -> str:
    """What differs between that version and the one in use."""
    looked = _saved(dataset, staged)
    old = versions.find(f"{looked.name}@{chosen or looked.version}")
    return markup(old, looked, compare(old.conversations_path, looked.conversations_path))


def markup(old: Version, new: Version, found: Difference) -> str:
    """The difference as HTML, all text escaped."""
    names = tuple(f"version {each.version.removeprefix('v')}" for each in (old, new))
    if not (found.came or found.went or found.changed or found.moved):
        return f'<p class="note" role="status">{escape(names[0].capitalize())} and {names[1]} hold the same.</p>'
    parts = [
        f"From {names[0]} to {names[1]}: {len(found.came):,} came, {len(found.went):,} went, "
        f"{len(found.changed):,} changed, {found.moved:,} changed sides, {found.same:,} are the same."
    ]
    body = f'<p class="note" role="status">{escape(parts[0])}</p>'
    for row, (before, after) in enumerate(found.changed[:_DRAWN]):
        body += "<h3>Changed</h3>" if row == 0 else ""
        for version, place, word in ((old, before, "before"), (new, after, "after")):
            chats = parquet.take(version.conversations_path, [place])
            body += f'<p class="quiet">{word}</p>{data_view.bubbles(chats, place + 1)}'
    for title, version, rows in (("Came", new, found.came), ("Went", old, found.went)):
        for place, row in enumerate(rows[:_DRAWN]):
            body += f"<h3>{title}</h3>" if place == 0 else ""
            body += data_view.bubbles(parquet.take(version.conversations_path, [row]), row + 1)
    more = sum(max(0, len(each) - _DRAWN) for each in (found.changed, found.came, found.went))
    return body + (f'<p class="quiet">{more:,} further ones are not drawn here.</p>' if more else "")


@alerts.told(outputs=1)
def combined(dataset: str, staged: str, others: list[str], weight: float, cap: float, name: str) -> str:
    """Make one dataset of what is looked at and the others, and choose it."""
    looked = _saved(dataset, staged)
    if not others:
        raise UserError("no other dataset", "there is nothing to combine it with.", "Choose one or more of the list.")
    versions.check_name(name.strip())
    limit = int(cap) if cap else None
    amount = 1.0 if weight is None else float(weight)
    parts = [Part(looked), *(Part(versions.find(other), amount, limit) for other in others)]
    made = combining.combine(parts)
    try:
        return building.save(made, name.strip()).name
    finally:
        building.discard(made)
