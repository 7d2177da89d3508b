"""The Conversations panel of the Data tab: find them, look at them, change one or many, write a new one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from ft.ui import alerts, data_editing, data_editor, data_filters
from ft.ui import data_browse_events as events
from ft.ui.data_shown import on_card
from ft.ui.optional_number import optional_number
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, on_change, own_tab, what_is_drawn

# JavaScript, run in the browser. A page of the list is read from its top.
_TO_THE_TOP = "() => { document.getElementById('data-list')?.scrollIntoView(); }"
# The editor takes the list's place and gives it back: who opened it (an element's id) is where one goes on after it.
_OPENED_BY = "(...given) => { document.getElementById('data-panels').dataset.opener = 'ID'; return given; }"
_GO_ON = """async () => {
  const known = document.getElementById("data-panels").dataset;
  const seen = async (query) => {
    for (let tries = 0; tries < 100; tries++) {
      await new Promise((done) => setTimeout(done, 50));
      const found = document.querySelector(query);
      if (found?.offsetParent) return found;
      if (tries > 20 && !document.getElementById("data-editor")?.offsetParent) return null;
    }
  };
  const first = known.editing ? null : await seen("#data-editor textarea");
  if (first) {
    known.editing = "yes";
    document.getElementById("data-editor").scrollIntoView();
    first.focus({preventScroll: true});
  } else if (known.editing && !document.getElementById("data-editor")?.offsetParent) {
    const opener = await seen("#" + known.opener);
    delete known.editing;
    (opener?.closest(".conversation-slot") ?? document.getElementById("data-list"))?.scrollIntoView();
    opener?.focus({preventScroll: true});
  }
}"""
_REOPENED = "(...given) => { delete document.getElementById('data-panels').dataset.editing; return given; }"
# "Edit" stands under each conversation: a screen reader hears "Edit conversation 7".
_NAMES = """const slot = element.closest(".conversation-slot");
const name = () => {
  const which = slot.querySelector("article")?.getAttribute("aria-label").toLowerCase();
  for (const each of slot.querySelectorAll(".slot-actions button, .slot-actions input")) {
    const words = `${(each.closest("label") ?? each).textContent.trim()} ${which}`;
    if (each.getAttribute("aria-label") !== words) each.setAttribute("aria-label", words);
  }
};
new MutationObserver(name).observe(slot, {childList: true, subtree: true, attributeFilter: ["aria-label"]});
name();"""


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of one conversation on the page."""

    box: gr.Column
    chat: gr.HTML
    chosen: gr.Checkbox
    edit: gr.Button
    copy: gr.Button
    delete: gr.Button


def build(shared: Shared, staged: gr.BrowserState, only: gr.State, editing: gr.State) -> None:
    """Lay the panel out and wire it. `only` holds the Rows that another panel wants shown (None: all), and `editing`
    what is being edited (None: nothing)."""
    with gr.Row(visible=False, elem_classes="actions paging", elem_id="data-waiting") as waiting:
        waiting_words = gr.HTML()
        go_on = gr.Button("Go on with it", size="sm", scale=0, min_width=120)
        drop = gr.Button("Drop it", size="sm", scale=0, min_width=80)
    with gr.Column() as listing:
        text = gr.Textbox(
            label="Search in the text", max_lines=1, placeholder="words, then Enter", elem_id="data-search"
        )
        side = gr.Radio(data_filters.SIDES, value="", show_label=False, label="Which side", container=False)
        with gr.Accordion("More filters", open=False):
            with gr.Row():
                kind = gr.Dropdown(data_filters.KINDS, value="", label="Kind", min_width=180)
                file = gr.Dropdown([("Any", "")], value="", label="File", min_width=180)
                order = gr.Dropdown(data_filters.ORDERS, value="file", label="Order", min_width=180)
            with gr.Row():
                shortest = optional_number(data_filters.SHORTEST, "characters", min_width=150)
                longest = optional_number(data_filters.LONGEST, "characters", min_width=150)
        with gr.Row(elem_classes="actions paging", elem_id="data-list"):
            place = gr.HTML()
            every = gr.Button("Choose all", size="sm", scale=0, min_width=130, visible=False)
            add = gr.Button("Write a new one", size="sm", scale=0, min_width=150, elem_id="data-add")
        with gr.Row(elem_classes="actions paging", visible=False, elem_id="data-filters") as named:
            gr.HTML('<p class="quiet">Filters, press one to remove it:</p>')
            chips = [
                gr.Button("", size="sm", scale=0, min_width=0, visible=False, elem_classes="chip")
                for _ in data_filters.CHIPS
            ]
            clear = gr.Button("Clear filters", size="sm", scale=0, min_width=120, visible=False)
        with gr.Column(elem_id="data-bar"):
            with gr.Row(elem_classes="actions paging"):
                back = gr.Button("Back", scale=0, min_width=90, size="sm", visible=False)
                further = gr.Button("Next", scale=0, min_width=90, size="sm", visible=False)
                number = gr.HTML()
            with gr.Row(elem_classes="actions paging", visible=False, elem_id="data-chosen") as bar:
                said = gr.HTML()
                none = gr.Button("Clear", size="sm", scale=0, min_width=60)
                delete = gr.Button("Delete them", size="sm", variant="stop", scale=0, min_width=100)
                mute = gr.Button("Do not learn from them", size="sm", scale=0, min_width=160)
                unmute = gr.Button("Learn from them", size="sm", scale=0, min_width=120)
            problem = alerts.place()
        slots = [_slot(at) for at in range(events.PAGE)]
    shown, drawn, chosen = gr.State(events.Shown()), what_is_drawn(), gr.State([])
    with gr.Column(visible=False, elem_id="data-editor") as editor:
        data_editor.build(shared, staged, editing)

    filters = [text, side, kind, file, order, shortest, longest, only]
    here = [shared.dataset, staged]
    page: list[Any] = [place, number, back, further, every, named, clear, *chips, shown, drawn]
    page += [part for slot in slots for part in (slot.box, slot.chat, slot.chosen)]
    # One after another, each with what the one before has shown: of two at once the later would draw over the other.
    in_line: dict[str, Any] = {"concurrency_id": "rows", "concurrency_limit": 1, **PRIVATE}
    fresh: dict[str, Any] = {
        "inputs": [*here, only, shown],
        "outputs": [*page, chosen, bar, file, text, side, kind, order, shortest, longest, problem],
        **in_line,
    }
    seen: dict[str, Any] = {"inputs": [*here, shown, chosen], "outputs": [*page, problem], **in_line}
    on_change([shared.uploaded, shared.edited.change], events.show_again, **fresh)
    on_change([shared.dataset_changed, own_tab().select, only.change], events.show, **fresh)
    shared.arrival.then(events.show, **fresh)
    gr.on(
        [each.submit for each in (text, shortest, longest)] + [each.input for each in (side, kind, file, order)],
        events.find,
        [*here, *filters, shown, chosen],
        seen["outputs"],
        **in_line,
    )
    clear.click(events.find_all, seen["inputs"], [*filters, *seen["outputs"]], **in_line)
    for at, chip in zip(data_filters.CHIPS, chips, strict=True):
        removed = [filters[at], *seen["outputs"]]
        chip.click(partial(events.find_without, place=at), seen["inputs"], removed, **in_line)
    back.click(events.page_before, **seen).then(js=_TO_THE_TOP, **PRIVATE)
    further.click(events.page_after, **seen).then(js=_TO_THE_TOP, **PRIVATE)

    changed = [staged, shared.edited, problem]
    ticks = [chosen, bar, said, *(slot.chosen for slot in slots), problem]
    every.click(events.choose_all, seen["inputs"], ticks, **PRIVATE)
    none.click(events.choose_none, None, ticks, **PRIVATE)
    for at, slot in enumerate(slots):
        ticked = partial(events.tick, place=at)
        # One after another, or of two ticks at once one would be lost.
        ticks_in_line: dict[str, Any] = {"concurrency_id": "ticks", "concurrency_limit": 1, **PRIVATE}
        slot.chosen.input(ticked, [slot.chosen, chosen, shown, drawn], [chosen, bar, said], **ticks_in_line)
        this = [*here, shown, drawn]
        opened = _OPENED_BY.replace("ID", f"data-edit-{at}")
        slot.edit.click(
            partial(on_card, data_editing.edit, place=at),
            [*this, editing],
            [editing, problem],
            js=opened,
            **PRIVATE,
        )
        slot.copy.click(partial(on_card, events.copy, place=at), this, changed, **PRIVATE)
        slot.delete.click(partial(on_card, events.delete, place=at), this, changed, **PRIVATE)
    opened = _OPENED_BY.replace("ID", "data-add")
    add.click(data_editing.write_new, [*here, editing], [editing, problem], js=opened, **PRIVATE)
    many = [*here, shown, chosen]
    delete.click(events.delete_many, many, changed, **PRIVATE)
    mute.click(events.mute_many, many, changed, **PRIVATE)
    unmute.click(events.unmute_many, many, changed, **PRIVATE)
    switch: dict[str, Any] = {
        "fn": data_editing.switch,
        "inputs": [*here, editing],
        "outputs": [listing, editor, waiting, waiting_words, editing],
    }
    editing.change(**switch, **PRIVATE).then(js=_GO_ON, **PRIVATE)
    on_change([shared.looked_at, own_tab().select], **switch)
    looked_at = [shared.dataset, staged, shared.memory.uploads]
    edited = [staged, shared.memory.uploads, editing]
    went_on = go_on.click(data_editing.go_on, edited, looked_at, js=_REOPENED, **PRIVATE)
    went_on.then(js=_GO_ON, **PRIVATE)
    drop.click(data_editing.dropped, None, [editing, problem], **PRIVATE)


def _slot(at: int) -> _Slot:
    with gr.Column(visible=False, elem_classes="conversation-slot") as box:
        chat = gr.HTML(padding=False, js_on_load=_NAMES)
        with gr.Row(elem_classes="actions slot-actions"):
            chosen = gr.Checkbox(False, label="Choose", container=False, scale=0, min_width=90)
            edit = gr.Button("Edit", size="sm", scale=0, min_width=70, elem_id=f"data-edit-{at}")
            copy = gr.Button("Copy", size="sm", scale=0, min_width=70)
            delete = gr.Button("Delete", size="sm", scale=0, min_width=80)
    return _Slot(box, chat, chosen, edit, copy, delete)
