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
from ft.ui import alerts, data_choice, data_delete, data_view
from ft.ui.data_change import saved
from ft.ui.data_choice import moment
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import PRIVATE, on_change, own_tab

_DRAWN = 10  # conversations of each kind
_PARTS = ["Dataset", "Conversations", "How much", "At most"]


def build(shared: Shared, staged: gr.BrowserState) -> None:
    """Lay the panel out and wire it."""
    there = gr.Radio([], label="Versions", elem_classes="choice-list", elem_id="data-versions")
    with gr.Row(elem_classes="actions") as actions:
        use = gr.Button("Use this version", size="sm", scale=0, min_width=150)
        differ = gr.Button("What differs from the one in use", size="sm", scale=0, min_width=240)
        delete = gr.Button("Delete this dataset", size="sm", scale=0, min_width=170)
    data_delete.build(shared, staged, delete)
    problem = alerts.place()
    shown = gr.HTML(elem_id="data-difference")
    with gr.Accordion("Combine with other datasets", open=False) as fold:
        gr.HTML(
            '<p class="quiet">How much to take of each: 1 is all of it, 0.5 is half, 2 is twice, 0 is nothing '
            "(<b>weight</b>); and at most how many conversations, if there is to be a limit.</p>"
        )
        parts = gr.Dataframe(
            headers=_PARTS,
            datatype=["str", "number", "number", "number"],
            column_count=len(_PARTS),
            column_widths=["31%", "29%", "20%", "20%"],  # on a phone too
            wrap=True,
            static_columns=[0, 1],
            type="array",
            interactive=True,
            buttons=[],
            show_label=False,
            elem_id="data-parts",
            elem_classes="runs-table",
        )
        with gr.Row(elem_classes="actions save-row"):
            name = gr.Textbox("combined", label="Name of the new dataset", max_lines=1, max_length=64, min_width=180)
            combine = gr.Button("Combine", scale=0, min_width=110)
        refused = alerts.place()
    here = [shared.dataset, staged]
    drawn = gr.State(None)
    listed = [there, parts, shown, actions, fold, problem, drawn]
    on_change([shared.looked_at, own_tab().select], show, [*here, drawn], listed)
    use.click(use_version, [*here, there], [shared.edited, problem], **PRIVATE)
    of = gr.State("")  # what was compared: its path
    compared = differ.click(difference, [*here, there], [of, shown, problem], **PRIVATE)
    on_change([compared], forget, [*here, of], [of, shown])
    made = [shared.dataset, refused]
    combine.click(combined, [*here, parts, name], made, concurrency_limit=1, **PRIVATE)


def show(dataset: str, staged: str, drawn: object = None) -> tuple[Any, ...]:
    """The versions of what is looked at, and all datasets, of which the others are not taken yet; at last what of them
    is drawn. Where that is `drawn` already, all stays as it is: somebody may have chosen a version since."""
    try:
        looked = data_choice.looked_at(dataset, staged)
        if isinstance(looked, Version):
            others = [each for each in versions.list_datasets() if each.name != looked.name]
            rows = [[each.name, each.count(), 1 if each == looked else 0, None] for each in (looked, *others)]
    except UserError as error:
        return *_nothing(""), alerts.shown(error), None
    if not isinstance(looked, Version):
        note = '<p class="note">An upload has no versions yet: save it first.</p>' if looked else ""
        return *_nothing(note), alerts.hidden(), None
    found = [(_words(each, looked), each.version) for each in versions.list_versions(looked.name)]
    now = [looked.name, found, rows]
    if now == drawn:
        return tuple(gr.skip() for _ in range(7))
    versions_of = gr.Radio(found, value=looked.version, visible=True)
    return versions_of, rows, "", gr.Row(visible=True), gr.Accordion(visible=True), alerts.hidden(), now


def _nothing(note: str) -> tuple[Any, ...]:
    return gr.Radio(visible=False), [], note, gr.Row(visible=False), gr.Accordion(visible=False)


def _words(version: Version, used: Version) -> str:
    try:
        source, kept = version.source, version.count()
    except UserError:
        return f"{version.version.removeprefix('v')} · damaged"
    made = source.get("edit") or _made(source)
    now = " · in use" if version == used else ""
    return (
        f"{version.version.removeprefix('v')} · {made} · {counted(kept, 'conversation')} · "
        f"{moment(source['created'])}{now}"
    )


def _made(source: dict[str, Any]) -> str:
    """What a version that no edit made was made from, and changed before it was saved."""
    if parts := source.get("combined"):
        return "combined from " + " and ".join(f"{each['dataset']} {each['version']}" for each in parts[:3])
    names = ", ".join(str(file["name"]) for file in source["files"][:3])
    return f"made from {names}" + "".join(f"; {edit[:1].lower()}{edit[1:]}" for edit in source.get("edits", []))


@alerts.told(outputs=1)
def use_version(dataset: str, staged: str, chosen: str | None) -> Any:
    """Let the dataset be as it was in that version: a new value for `shared.edited`."""
    looked = saved(dataset, staged)
    versions.use(versions.find(f"{looked.name}@{chosen or looked.version}"))
    return time.time_ns()


def forget(dataset: str, staged: str, of: str) -> tuple[Any, Any]:
    """What was compared is no longer what is looked at, unless it is."""
    if not of or data_choice.still_looked_at(dataset, staged, of):
        return gr.skip(), gr.skip()
    return "", ""


@alerts.told(outputs=2)
def difference(dataset: str, staged: str, chosen: str | None) -> tuple[str, str]:
    """What differs between that version and the one in use: the path of that, and the difference."""
    looked = saved(dataset, staged)
    old = versions.find(f"{looked.name}@{chosen or looked.version}")
    return str(looked.path), markup(old, looked, compare(old.conversations_path, looked.conversations_path))


def markup(old: Version, new: Version, found: Difference) -> str:
    """The difference as HTML, all text escaped."""
    names = tuple(f"version {each.version.removeprefix('v')}" for each in (old, new))
    if not (found.came or found.went or found.changed or found.moved):
        return f'<p class="note" role="status">{escape(names[0].capitalize())} and {names[1]} hold the same.</p>'
    parts = [
        f"From {names[0]} to {names[1]}: {len(found.came):,} added, {len(found.went):,} removed, "
        f"{len(found.changed):,} changed, {found.moved:,} changed sides, {found.same:,} are the same."
    ]
    body = f'<p class="note" role="status">{escape(parts[0])}</p>'
    for row, (before, after) in enumerate(found.changed[:_DRAWN]):
        body += "<h3>Changed</h3>" if row == 0 else ""
        for version, place, word in ((old, before, "before"), (new, after, "after")):
            chats = parquet.take(version.conversations_path, [place])
            body += f'<p class="quiet">{word}</p>{data_view.bubbles(chats, place + 1)}'
    for title, version, rows in (("Added", new, found.came), ("Removed", old, found.went)):
        for place, row in enumerate(rows[:_DRAWN]):
            body += f"<h3>{title}</h3>" if place == 0 else ""
            body += data_view.bubbles(parquet.take(version.conversations_path, [row]), row + 1)
    more = sum(max(0, len(each) - _DRAWN) for each in (found.changed, found.came, found.went))
    return body + (f'<p class="quiet">{more:,} further ones are not drawn here.</p>' if more else "")


@alerts.told(outputs=1)
def combined(dataset: str, staged: str, rows: list[list[Any]], name: str) -> str:
    """Make one dataset of those that something is to be taken of, and choose it."""
    looked = saved(dataset, staged)
    versions.check_name(name.strip())
    if versions.in_use(name.strip()):
        raise UserError(f"the name {name.strip()}", "there is a dataset of that name.", "Choose another.")
    parts = [_part(looked, *row) for row in rows if row[0] and _number(row[2], row[0])]
    if len(parts) < 2 and all(part.weight == 1 and part.cap is None for part in parts):
        todo = "Say how much to take of another one, for example 1 for all of it."
        raise UserError("only one dataset", "there is nothing to combine it with.", todo)
    made = combining.combine(parts)
    try:
        return building.save(made, name.strip()).name
    finally:
        building.discard(made)


def _part(looked: Version, name: str, _: Any, weight: Any, cap: Any) -> Part:
    most = _number(cap, name)
    return Part(looked if name == looked.name else versions.find(name), _number(weight, name), int(most) or None)


def _number(given: Any, name: str) -> float:
    """The number in a cell; 0 where it is empty."""
    try:
        return float(given or 0)
    except (TypeError, ValueError) as error:
        raise UserError(f"{given!r} for {name}", "it is not a number.", "Write for example 0.5.") from error
