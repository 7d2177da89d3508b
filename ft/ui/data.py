"""The Data tab: bring chats, see what was read and what was not, save them as a dataset, go on to train on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ft.dataset.split import HELD_OUT, MOST_HELD_OUT
from ft.ui import (
    alerts,
    data_browse,
    data_checks,
    data_damaged,
    data_editor,
    data_events,
    data_export,
    data_history,
    data_hub,
    data_mapping,
    data_near,
    data_reading,
    data_rejected,
    data_tokens,
)
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, on_change, own_tab


@dataclass(frozen=True, slots=True)
class _Bring:
    """Where files come in, and what is there already."""

    files: gr.File
    hub: data_hub.Fields
    reading: data_reading.Fields
    held_out: gr.Slider
    problem: gr.HTML
    gone: gr.HTML
    status: gr.HTML
    sample: gr.Button
    there: gr.Radio


@dataclass(frozen=True, slots=True)
class _Look:
    """What is looked at, and what can be done with it."""

    mapping: data_mapping.Mapping
    empty: gr.Column
    welcome: gr.HTML
    first_sample: gr.Button
    main: gr.Column
    heading: gr.HTML
    saving: gr.Row
    name: gr.Textbox
    save: gr.Button
    discard: gr.Button
    agreed: gr.State
    named: gr.State
    go_on: gr.Button
    undo: gr.Button
    redo: gr.Button
    mend: gr.Button
    editing: gr.State
    panels: gr.Tabs
    problem: gr.HTML
    details: gr.HTML
    rejected: gr.DownloadButton


def build(shared: Shared) -> None:
    """Lay the Data tab out and wire it."""
    staged = shared.memory.upload
    with gr.Row(elem_classes="data-columns"):
        with gr.Column(scale=4, min_width=300):
            bring = _bring()
            data_damaged.build(shared)
        with gr.Column(scale=7, min_width=320):
            look = _look(shared, staged)
    _wire(shared, staged, bring, look)


def _bring() -> _Bring:
    files = gr.File(label="Files of chats", file_count="multiple", height=168, elem_id="data-files")
    hub = data_hub.build_pull()
    with gr.Accordion("How to read them", open=False):
        reading = data_reading.build()
        held_out = gr.Slider(
            0,
            MOST_HELD_OUT,
            HELD_OUT,
            step=1,
            label="Held out to validate with, in %",
            info="**validation split** · never trained on, to see whether the model got better; usual 5 to 20",
        )
    status = gr.HTML(visible=False)
    problem, gone = alerts.place(), alerts.place()
    sample = gr.Button("Try the sample", visible=False)
    there = gr.Radio([], label="Your datasets", elem_classes="choice-list", visible=False, elem_id="data-there")
    return _Bring(files, hub, reading, held_out, problem, gone, status, sample, there)


def _look(shared: Shared, staged: gr.BrowserState) -> _Look:
    mapping = data_mapping.build()
    with gr.Column(visible=False) as empty:
        welcome = gr.HTML()
        first_sample = gr.Button("Try the sample", variant="primary", scale=0, min_width=180)
    with gr.Column(visible=False) as main:
        heading = gr.HTML()
        with gr.Row(visible=False, elem_classes="actions save-row") as saving:
            name = gr.Textbox(label="Name of the dataset", max_lines=1, max_length=64, scale=2, min_width=200)
            save = gr.Button("Save dataset", variant="primary", scale=0, min_width=150)
            discard = gr.Button("Discard", scale=0, min_width=100)
        agreed, named = gr.State(""), gr.State("")
        with gr.Row(elem_classes="actions"):
            go_on = gr.Button("Train on it", variant="primary", scale=0, min_width=150)
            undo = gr.Button("Undo", scale=0, min_width=80, interactive=False)
            redo = gr.Button("Redo", scale=0, min_width=80, interactive=False)
            mend = gr.Button("Mend rejected records", scale=0, min_width=190, visible=False)
        problem = alerts.place()
        only, editing = gr.State(None), gr.State(None)
        with gr.Tabs(elem_id="data-panels", elem_classes="panels") as panels:
            with gr.Tab("Conversations", id="conversations"):
                data_browse.build(shared, staged, only, editing)
            with gr.Tab("What was read", id="read"):
                data_rejected.build(shared, staged)
                details = gr.HTML()
                rejected = gr.DownloadButton(
                    "Download all rejected records", visible=False, scale=0, min_width=240, size="sm"
                )
            with gr.Tab("Check-up", id="checks"):
                data_checks.build(shared, staged, only, panels)
            with gr.Tab("Tokens", id="tokens"):
                data_tokens.build(shared, staged)
            with gr.Tab("Duplicates", id="duplicates"):
                data_near.build(shared, staged)
            with gr.Tab("History", id="history"):
                data_history.build(shared, staged)
            with gr.Tab("Export", id="export"):
                data_export.build(shared, staged)
    names = {key: value for key, value in locals().items() if key in _Look.__dataclass_fields__}
    return _Look(**names)


def _wire(shared: Shared, staged: gr.BrowserState, bring: _Bring, look: _Look) -> None:
    waiting = shared.memory.uploads
    shown = [bring.there, bring.sample, look.empty, look.welcome, look.main, look.heading, look.saving, look.name]
    shown += [look.named, look.go_on, look.undo, look.redo, look.mend, look.details, look.rejected, bring.gone]
    show: dict[str, Any] = {
        "fn": data_events.show,
        "inputs": [shared.dataset, staged, waiting, look.named],
        "outputs": shown,
        **PRIVATE,
    }
    shared.arrival.then(**show)
    on_change([shared.looked_at, own_tab().select], **show)

    reading = [*bring.reading.all(), bring.held_out, staged, waiting]
    files = [bring.files, bring.hub.fetched]
    screen = look.mapping
    read = [staged, waiting, shared.dataset, bring.status, bring.problem, *screen.shown()]
    long: dict[str, Any] = {**PRIVATE, "concurrency_limit": 2, "concurrency_id": "stage"}
    stage: dict[str, Any] = {"fn": data_events.stage, "inputs": [*files, *reading], "outputs": read, **long}
    columns = bring.reading.columns
    bring.files.upload(data_editor.nothing, None, columns, **PRIVATE).then(**stage)
    gr.on([bring.reading.format.input, bring.reading.repairs.input], **stage)
    bring.reading.again.click(**{**stage, "fn": data_events.again})
    bring.held_out.release(data_events.hold_out, [bring.held_out, staged], [staged, bring.problem], **PRIVATE)
    data_mapping.wire(screen, bring.files, bring.hub.fetched)
    screen.read.click(data_events.by_columns, screen.fields(), [columns, screen.problem], **PRIVATE).success(**stage)
    screen.leave.click(data_events.leave, None, [*files, *screen.shown()], **PRIVATE)
    for button in (bring.sample, look.first_sample):
        button.click(data_events.stage_sample, [bring.held_out, staged, waiting], [*read, *files], **long)
    fields = bring.reading
    how = [fields.format, fields.repairs, fields.fill, bring.held_out, staged, waiting]
    gr.on(
        [bring.hub.fetch.click, bring.hub.address.submit],
        data_events.fetch,
        [bring.hub.address, bring.hub.token, *how],
        [*read, *files, columns, bring.hub.left],
        **long,
    )
    looked_at = [shared.dataset, staged, waiting]
    bring.there.input(data_events.choose, [bring.there, staged, waiting], looked_at, **PRIVATE)

    saving = [staged, waiting, shared.dataset, *files, look.agreed, look.named, look.save, look.problem]
    for save in (look.save.click, look.name.submit):
        save(data_events.save, [staged, waiting, look.name, look.agreed, look.editing], saving, **PRIVATE)
    look.discard.click(data_events.discard, [staged, waiting], [staged, waiting, *files, look.named], **PRIVATE)
    another = [bring.there.input, bring.files.clear, look.discard.click]
    gr.on(another, data_events.elsewhere, None, [bring.problem, look.problem, *screen.shown()], **PRIVATE)
    chosen = [shared.dataset, bring.there]
    look.go_on.click(data_events.train_on, chosen, [shared.dataset, shared.tabs], **PRIVATE)
    moved = [staged, shared.edited, look.problem]
    look.undo.click(data_events.undo, [*chosen, staged], moved, **PRIVATE)
    look.redo.click(data_events.redo, [*chosen, staged], moved, **PRIVATE)
    look.mend.click(data_events.to_rejected, None, look.panels, **PRIVATE)
