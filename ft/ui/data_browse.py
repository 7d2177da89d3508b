"""The Conversations panel of the Data tab: find them, look at them, change one or many, write a new one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from ft.ui import alerts, data_editor
from ft.ui import data_browse_events as events
from ft.ui.shared import Shared
from ft.ui.tab import SHARED_EVENT, own_tab

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
SIDES = [("All", ""), ("To train on", "train"), ("Held out", "validation")]
KINDS = [
    ("Any", ""),
    ("With tools", "tools"),
    ("Repaired", "repaired"),
    ("With replies that are not learnt from", "untrained"),
]
ORDERS = [("As in the files", "file"), ("Longest first", "longest"), ("Shortest first", "shortest")]


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of one conversation on the page."""

    box: gr.Column
    chat: gr.HTML
    chosen: gr.Checkbox
    edit: gr.Button
    double: gr.Button
    delete: gr.Button


def build(shared: Shared, staged: gr.BrowserState, only: gr.State) -> None:
    """Lay the panel out and wire it. `only` holds rows that another panel wants shown (None: all), with its reason."""
    with gr.Column() as listing:
        text = gr.Textbox(
            label="Search in the text", max_lines=1, placeholder="words, then Enter", elem_id="data-search"
        )
        side = gr.Radio(SIDES, value="", show_label=False, label="Which side", container=False)
        with gr.Accordion("More filters", open=False):
            with gr.Row():
                kind = gr.Dropdown(KINDS, value="", label="Kind", min_width=180)
                file = gr.Dropdown([("Any", "")], value="", label="File", min_width=180)
                order = gr.Dropdown(ORDERS, value="file", label="Order", min_width=180)
            with gr.Row():
                shortest = gr.Number(None, label="At least so long", info="characters", minimum=0, min_width=150)
                longest = gr.Number(None, label="At most so long", info="characters", minimum=0, min_width=150)
        with gr.Row(visible=False, elem_classes="actions") as narrowed:
            why = gr.HTML()
            everything = gr.Button("Show all again", size="sm", scale=0, min_width=140)
        place = gr.HTML()
        problem = alerts.place()
        slots = [_slot() for _ in range(events.PAGE)]
        with gr.Row(elem_classes="actions paging"):
            back = gr.Button("Back", scale=0, min_width=90, size="sm")
            further = gr.Button("Next", scale=0, min_width=90, size="sm")
            number = gr.HTML()
        with gr.Row(elem_classes="actions"):
            add = gr.Button("Write a new one", size="sm", scale=0, min_width=150, elem_id="data-add")
        with gr.Accordion("Change many at once", open=False):
            scope = gr.Radio([("Those chosen here", "chosen")], value="chosen", label="Which", elem_id="data-scope")
            with gr.Row(elem_classes="actions"):
                delete = gr.Button("Delete them", size="sm", variant="stop", scale=0, min_width=130)
                mute = gr.Button("Do not learn from them", size="sm", scale=0, min_width=190)
                unmute = gr.Button("Learn from them", size="sm", scale=0, min_width=150)
    start, rows, chosen, editing = gr.State(0), gr.State([]), gr.State([]), gr.State(None)
    with gr.Column(visible=False) as editor:
        data_editor.build(shared, staged, editing)

    filters = [text, side, kind, file, order, shortest, longest, only]
    here = [shared.dataset, staged]
    page = [place, number, back, further, start, rows, scope, narrowed, why]
    page += [part for slot in slots for part in (slot.box, slot.chat, slot.chosen)]
    seen = [*here, *filters, start, chosen]
    fresh: dict[str, Any] = {"inputs": [*here, *filters], "outputs": [*page, chosen, file, problem], **PRIVATE}
    gr.on([shared.edited.change, staged.change], events.show_again, seen, fresh["outputs"], **SHARED_EVENT)
    gr.on([shared.dataset.change, own_tab().select, only.change], events.show, **{**fresh, **SHARED_EVENT})
    shared.arrival.then(events.show, **fresh)
    gr.on(
        [each.submit for each in (text, shortest, longest)] + [each.input for each in (side, kind, file, order)],
        events.find,
        [*here, *filters, chosen],
        [*page, problem],
        **PRIVATE,
    )
    everything.click(data_editor.nothing, None, only, **PRIVATE)
    back.click(events.page_before, seen, [*page, problem], **PRIVATE)
    further.click(events.page_after, seen, [*page, problem], **PRIVATE)

    changed = [staged, shared.edited, problem]
    for place_on_page, slot in enumerate(slots):
        at = {"place": place_on_page}
        slot.chosen.input(
            partial(events.choose, place=place_on_page), [slot.chosen, chosen, rows], [chosen, scope], **PRIVATE
        )
        slot.edit.click(partial(events.edit, **at), [*here, rows], [editing, problem], **PRIVATE)
        slot.double.click(partial(events.double, **at), [*here, rows], changed, **PRIVATE)
        slot.delete.click(partial(events.delete, **at), [*here, rows], changed, **PRIVATE)
    add.click(events.write_new, None, editing, **PRIVATE)
    bulk = [*here, *filters, scope, chosen]
    delete.click(events.delete_many, bulk, changed, **PRIVATE)
    mute.click(events.mute_many, bulk, changed, **PRIVATE)
    unmute.click(events.unmute_many, bulk, changed, **PRIVATE)
    editing.change(events.switch, editing, [listing, editor], **PRIVATE)


def _slot() -> _Slot:
    with gr.Column(visible=False, elem_classes="conversation-slot") as box:
        chat = gr.HTML(padding=False)
        with gr.Row(elem_classes="actions slot-actions"):
            chosen = gr.Checkbox(False, label="Choose", container=False, scale=0, min_width=90)
            edit = gr.Button("Edit", size="sm", scale=0, min_width=70)
            double = gr.Button("Duplicate", size="sm", scale=0, min_width=90)
            delete = gr.Button("Delete", size="sm", scale=0, min_width=80)
    return _Slot(box, chat, chosen, edit, double, delete)
