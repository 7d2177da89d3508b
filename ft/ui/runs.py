"""The Runs tab: every run there is, newest first, and one of them to look at."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import gradio as gr
from markupsafe import Markup

from ft.errors import UserError
from ft.runs import deletion, directory
from ft.runs.overview import DAMAGED, Overview, overview
from ft.runs.reader import Reader
from ft.ui import alerts, run_compare, run_rename, run_view, run_words, runs_queue
from ft.ui.run_compare import READ_LINK
from ft.ui.shared import Shared
from ft.ui.tab import LISTS_SECONDS, PRIVATE, follow, mark, on_change, own_tab, what_is_drawn
from ft.ui.tables import table

HEADERS = ["Run", "State", "Dataset", "Base model", "Steps", "Validation loss", "Made (UTC)"]
# A press on a row chooses its run; the row of the run that is chosen is marked, also where the table was drawn anew.
_ROWS = """
window.sidetune.markRow = () => element.querySelectorAll("[data-run]").forEach((button) => {
  const chosen = button.dataset.run === window.sidetune.run;
  button.setAttribute("aria-pressed", chosen);
  button.closest("tr").classList.toggle("chosen", chosen);
});
element.addEventListener("click", (event) => {
  const run = event.target.closest("tr")?.querySelector("[data-run]")?.dataset.run;
  if (!run) return;
  window.sidetune.run = run;
  window.sidetune.markRow(); // at once, however long the answer takes
  trigger("click", {});
});
watch("value", window.sidetune.markRow);
window.sidetune.markRow();
"""
_MARK_ROW = "(run) => { window.sidetune.run = run; window.sidetune.markRow?.(); }"
_ASK = '() => [false, true, true].map((visible) => ({visible, __type__: "update"}))'
_ASKED = '() => [true, false, false].map((visible) => ({visible, __type__: "update"}))'


def build(shared: Shared) -> None:
    """Lay the Runs tab out and wire it. Nothing of it is there until the page has arrived."""
    with gr.Column(visible=False) as empty:
        gr.HTML(
            '<div class="empty"><h2>No run yet</h2>'
            "<p>A run appears here as soon as it is started, and stays until it is deleted.</p></div>",
            padding=False,
        )
        go = gr.Button("Train a model", variant="primary", scale=0, min_width=180)
    with gr.Column(visible=False) as main:
        runs_queue.build(shared)
        rows = gr.HTML(padding=False, elem_classes="runs-table", js_on_load=_ROWS)
        comparing = run_compare.build()
        chosen = gr.Dropdown([], label="Run to look at", info="or choose a row of the table", filterable=True)
        view, actions = run_view.build("runs")
        with actions:
            delete = gr.Button("Delete this run", scale=0, min_width=150, visible=False)
            # Not where Delete was: a second click on the same spot must not delete.
            keep = gr.Button("Keep it", scale=0, min_width=110, visible=False)
            sure = gr.Button("Yes, delete it for good", variant="stop", scale=0, min_width=200, visible=False)
        renaming = run_rename.build()
        problem = alerts.place()
    timer, listed, arrived, link = gr.Timer(LISTS_SECONDS), what_is_drawn(), gr.State(False), gr.Textbox(visible=False)
    run_view.connect(view, shared, chosen)
    confirm = [delete, sure, keep]
    everything = [empty, main, rows, *comparing.outputs, chosen, listed, *confirm, problem, *view.outputs]
    # One after another, so that what was asked last is what is shown in the end.
    shown: dict[str, Any] = {"concurrency_id": "runs", "concurrency_limit": 1, **PRIVATE}
    asked = [shared.run, chosen, comparing.chosen]
    first = [*everything, comparing.fold, arrived]
    arriving = shared.arrival.then(partial(arrive, view.reader), [link, *asked], first, js=READ_LINK, **shown)
    again: dict[str, Any] = {"fn": partial(show, view.reader), "inputs": [arrived, *asked], "outputs": everything}
    shows = on_change([shared.run_changed, own_tab().select], **again, **shown)
    others = len([*confirm, problem, *view.outputs])
    inputs = [arrived, chosen, comparing.chosen, listed]
    ticked = follow(
        timer, partial(differs, view.reader), [arrived, listed], partial(tick, view.reader, others), inputs, everything
    )
    go.click(_to_train, None, shared.tabs, **PRIVATE)
    rows.click(None, None, shared.run, js="() => window.sidetune.run", api_visibility="private")
    chosen.input(None, chosen, shared.run, js="(run) => run", api_visibility="private")
    chosen.change(None, chosen, None, js=_MARK_ROW, api_visibility="private")
    delete.click(None, None, confirm, js=_ASK, api_visibility="private")
    keep.click(None, None, confirm, js=_ASKED, api_visibility="private")
    removed = sure.click(
        partial(remove, view.reader), [view.shown, comparing.chosen], [shared.run, *everything], **shown
    )
    renamed = run_rename.connect(renaming, view.shown)
    called = renamed.then(**again, **shown)
    run_compare.connect(comparing, view.reader, [arriving, *shows, ticked, removed, called])


def arrive(reader: Reader, link: str, wanted: str, shown: str | None, compared: list[str]) -> tuple[Any, ...]:
    """The tab as the page opens; of the runs to compare those that `link` names ("run,run"), in an open fold."""
    now = overview(reader.summary)
    named = [each["run"] for each in now.summaries if each["run"] in (link or "").split(",")]
    fold = gr.Accordion(open=True) if len(named) > 1 else gr.skip()
    return *_all(now, reader, wanted, shown, compared, named=named), fold, True


def show(reader: Reader, arrived: bool, wanted: str, shown: str | None, compared: list[str]) -> Any:
    """The tab once another run is wanted, or it is come back to."""
    return _all(overview(reader.summary), reader, wanted, shown, compared) if arrived else gr.skip()


def differs(reader: Reader, arrived: bool, listed: str) -> bool:
    """Whether the lists say something else than those of which `listed` is the mark."""
    return arrived and _mark(overview(reader.summary)) != listed


def tick(reader: Reader, others: int, arrived: bool, shown: str | None, compared: list[str], listed: str) -> Any:
    """The lists as they are now, where they say something else; the `others` too where the run shown is gone."""
    now = overview(reader.summary) if arrived else None
    if now is None or _mark(now) == listed:
        return gr.skip()
    if shown not in now.ids:
        return _all(now, reader, "", None, compared)
    return *_lists(now, compared), *[gr.skip() for _ in range(others)]


def remove(reader: Reader, run_id: str, compared: list[str]) -> tuple[Any, ...]:
    """Delete the run and show the next."""
    try:
        deletion.delete(directory.find_folder(run_id))
    except UserError as error:
        return gr.skip(), *_all(overview(reader.summary), reader, run_id, run_id, compared, error)
    return "", *_all(overview(reader.summary), reader, "", None, compared)


def _all(
    now: Overview,
    reader: Reader,
    wanted: str,
    shown: str | None,
    compared: list[str],
    problem: UserError | None = None,
    named: list[str] | None = None,
) -> tuple[Any, ...]:
    """The lists, and the run to look at: the wanted one, else the one shown before, else the newest."""
    ids = now.ids
    chosen = next((each for each in (wanted, shown) if each in ids), ids[0] if ids else None)
    asked_about = chosen == shown and problem is None  # what was asked or said of it goes on
    return (
        *_lists(now, compared, {"value": chosen}, named),
        *[gr.skip() if asked_about else gr.Button(visible=visible) for visible in (True, False, False)],
        gr.skip() if asked_about else alerts.shown(problem) if problem else alerts.hidden(),
        *run_view.show(chosen or "", reader=reader),
    )


def _lists(
    now: Overview, compared: list[str], chosen: dict[str, Any] | None = None, named: list[str] | None = None
) -> tuple[Any, ...]:
    drawn = _table(now)
    return (
        gr.Column(visible=not now.ids),
        gr.Column(visible=bool(now.ids)),
        drawn,
        *run_compare.offer(now.summaries, compared, named),
        gr.Dropdown(run_rename.choices(now), **(chosen or {})),
        mark(drawn),
    )


def _mark(now: Overview) -> str:
    """Another text once the lists say something else."""
    return mark(_table(now))


def _table(now: Overview) -> str:
    blank = [""] * (len(HEADERS) - 2)
    rows = {known["run"]: _row_of(known) for known in now.summaries}
    rows |= {run_id: [run_words.STATES[DAMAGED], *blank] for run_id, _ in now.damaged}
    return table(HEADERS, [[_pick(run_id, name), *rows[run_id]] for name, run_id in run_rename.choices(now)])


def _row_of(known: dict[str, Any]) -> list[str]:
    """A run's row of the table behind its name, in the order of HEADERS, from its `summary`."""
    state = run_words.STATES[known["status"]]
    steps = f"{known['step']:,} of {known['steps']:,}" if known["steps"] else ""
    when = f"{datetime.fromisoformat(known['created']):%Y-%m-%d %H:%M}"
    dataset = f"{known['dataset']} {known['version']}"
    loss = run_words.loss_change(known["validation_loss_before"], known["validation_loss_after"])
    return [state, dataset, run_view.title_of(known["model"]), steps, loss, when]


def _pick(run_id: str, name: str) -> Markup:
    return Markup('<button type="button" data-run="{0}" title="{0}">{1}</button>').format(run_id, name)


def _to_train() -> gr.Tabs:
    return gr.Tabs(selected="train")
