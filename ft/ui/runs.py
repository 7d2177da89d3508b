"""The Runs tab: every run there is, newest first, and one of them to look at."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import gradio as gr

from ft.errors import UserError
from ft.runs import deletion, directory
from ft.runs.overview import DAMAGED, Overview, overview
from ft.runs.reader import Reader
from ft.ui import alerts, run_compare, run_rename, run_view, run_words, runs_queue
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, SHARED_EVENT, own_tab

HEADERS = ["Run", "State", "Dataset", "Base model", "Steps", "Validation loss", "Started (UTC)", "Id"]


def build(shared: Shared) -> None:
    """Lay the Runs tab out and wire it."""
    with gr.Column(visible=False) as empty:
        gr.HTML(
            '<div class="empty"><h2>No run yet</h2>'
            "<p>A run appears here as soon as it is started, and stays until it is deleted.</p></div>",
            padding=False,
        )
        go = gr.Button("Train a model", variant="primary", scale=0, min_width=180)
    with gr.Column() as main:
        waiting = runs_queue.build(shared)
        table = gr.Dataframe(
            headers=HEADERS,
            column_count=len(HEADERS),
            datatype="str",
            type="array",
            interactive=False,
            wrap=False,
            max_height=320,
            show_label=False,
            label="Runs",
            buttons=[],
            elem_classes="runs-table",
        )
        comparing = run_compare.build()
        chosen = gr.Dropdown([], label="Run to look at", info="or choose a row of the table", filterable=True)
        view, actions = run_view.build()
        with actions:
            delete = gr.Button("Delete this run", scale=0, min_width=150, visible=False)
            # Not where Delete was: a second click on the same spot must not delete.
            keep = gr.Button("Keep it", scale=0, min_width=110, visible=False)
            sure = gr.Button("Yes, delete it for good", variant="stop", scale=0, min_width=200, visible=False)
        renaming = run_rename.build()
        problem = alerts.place()
    run_view.connect(view, shared, chosen)
    run_compare.connect(comparing, shared, view.reader)
    confirm = [delete, sure, keep]
    everything = [empty, main, table, *comparing.outputs, chosen, *confirm, problem, *view.outputs]
    asked = [shared.run, chosen, comparing.chosen]
    here, deleted = partial(arrive, view.reader), partial(remove, view.reader)
    go.click(_to_train, None, shared.tabs, **PRIVATE)
    shared.arrival.then(here, asked, everything, **PRIVATE)
    gr.on([shared.run.change, own_tab().select], here, asked, everything, **SHARED_EVENT)
    table.select(_row, table, shared.run, **PRIVATE)
    chosen.input(None, chosen, shared.run, js="(run) => run", api_visibility="private")
    changed = gr.on([view.state.change, waiting.change], partial(_table, view.reader), None, table, **PRIVATE)
    run_compare.follow(changed, comparing, view.reader)
    delete.click(_ask, None, [*confirm], **PRIVATE)
    keep.click(_asked, None, [*confirm], **PRIVATE)
    gone = sure.click(deleted, [chosen, comparing.chosen], [shared.run, *everything], **PRIVATE)
    run_compare.follow(gone, comparing, view.reader)
    renamed = run_rename.connect(renaming, chosen)
    run_compare.follow(renamed.then(here, asked, everything, **PRIVATE), comparing, view.reader)


def arrive(
    reader: Reader, wanted: str, shown: str | None, compared: list[str], problem: UserError | None = None
) -> tuple[Any, ...]:
    """The table, and the run to look at: the wanted one, else the one shown before, else the newest."""
    now = overview(reader.read)
    ids = now.ids
    chosen = next((each for each in (wanted, shown) if each in ids), ids[0] if ids else None)
    return (
        gr.Column(visible=not ids),
        gr.Column(visible=bool(ids)),
        _rows(now),
        *run_compare.offer(now.summaries, compared),
        gr.Dropdown(run_rename.choices(now), value=chosen),
        *_asked(),
        alerts.shown(problem) if problem else alerts.hidden(),
        *run_view.show(chosen or "", reader=reader),
    )


def _rows(now: Overview) -> list[list[str]]:
    blank = [""] * (len(HEADERS) - 3)
    damaged = [[directory.name_of(run_id), run_words.STATES[DAMAGED], *blank, run_id] for run_id, _ in now.damaged]
    return [*map(_row_of, now.summaries), *damaged]


def _row_of(known: dict[str, Any]) -> list[str]:
    """A run's row of the table, in the order of HEADERS, from its `summary`."""
    state = run_words.STATES[known["status"]]
    steps = f"{known['step']:,} of {known['steps']:,}" if known["steps"] else ""
    when = f"{datetime.fromisoformat(known['created']):%Y-%m-%d %H:%M}"
    dataset = f"{known['dataset']} {known['version']}"
    loss = run_words.loss_change(known["validation_loss_before"], known["validation_loss_after"])
    return [known["name"], state, dataset, run_view.title_of(known["model"]), steps, loss, when, known["run"]]


def remove(reader: Reader, run_id: str, compared: list[str]) -> tuple[Any, ...]:
    """Delete the run and show the next."""
    try:
        deletion.delete(directory.find_folder(run_id))
    except UserError as error:
        return gr.skip(), *arrive(reader, run_id, run_id, compared, error)
    return "", *arrive(reader, "", "", compared)


def _row(rows: list[list[str]], event: gr.SelectData) -> str:
    return str(event.row_value[-1])  # its id


def _table(reader: Reader) -> list[list[str]]:
    return _rows(overview(reader.read))


def _ask() -> tuple[Any, ...]:
    return gr.Button(visible=False), gr.Button(visible=True), gr.Button(visible=True)


def _asked() -> tuple[Any, ...]:
    return gr.Button(visible=True), gr.Button(visible=False), gr.Button(visible=False)


def _to_train() -> gr.Tabs:
    return gr.Tabs(selected="train")
