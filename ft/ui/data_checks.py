"""The Check-up panel of the Data tab: what a person should know of the dataset, with examples and a fix for each."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from html import escape
from typing import Any

import gradio as gr

from ft.checks.doctor import Finding, change, examine
from ft.dataset import parquet
from ft.errors import UserError
from ft.ui import alerts
from ft.ui.background import Say, follow
from ft.ui.data_change import applied, required
from ft.ui.shared import Shared
from ft.ui.strings import counted
from ft.ui.tab import SHARED_EVENT

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_FIXES = {
    "": "",
    "delete": "Delete these conversations",
    "redact": "Redact them",
    "untrain": "Do not learn from them",
}


def build(shared: Shared, staged: gr.BrowserState, only: gr.State, panels: gr.Tabs) -> None:
    """Lay the panel out and wire it. `only` takes the rows that the Conversations panel is to show."""
    check = gr.Button("Check the dataset", scale=0, min_width=170)
    problem, status = alerts.place(), gr.HTML(visible=False)
    words = gr.HTML()
    there = gr.Radio([], label="Findings", elem_classes="choice-list", visible=False, elem_id="data-findings")
    detail = gr.HTML(elem_id="data-finding")
    with gr.Row(visible=False, elem_classes="actions") as actions:
        fix = gr.Button("", size="sm", variant="stop", scale=0, min_width=190)
        show = gr.Button("Show these conversations", size="sm", scale=0, min_width=210)
        ignore = gr.Button("Ignore it", size="sm", scale=0, min_width=100)
    found = gr.State([])
    here = [shared.dataset, staged]
    one = [detail, actions, fix, show]
    all_of_it = [found, status, words, there, *one, problem]
    check.click(look, here, all_of_it, concurrency_limit=1, **PRIVATE)
    there.input(choose, [found, there], one, **PRIVATE)
    ignore.click(without, [found, there], [found, words, there, *one], **PRIVATE)
    show.click(show_rows, [found, there], [only, panels], **PRIVATE)
    fix.click(mend, [*here, found, there], [staged, shared.edited, problem], **PRIVATE)
    gr.on([shared.dataset.change, staged.change, shared.edited.change], forget, None, all_of_it, **SHARED_EVENT)


def forget() -> tuple[Any, ...]:
    """What was found is no longer of what is looked at."""
    return [], gr.HTML("", visible=False), "", gr.Radio([], visible=False), *_nothing(), alerts.hidden()


def _nothing() -> tuple[Any, ...]:
    return "", gr.Row(visible=False), gr.skip(), gr.skip()


def look(dataset: str, staged: str) -> Iterator[tuple[Any, ...]]:
    """Check the dataset, and show what was found."""
    skips = tuple(gr.skip() for _ in range(6))
    try:
        looked = required(dataset, staged)

        def work(say: Say) -> Generator[list[Finding], None, None]:
            def progress(done: int) -> None:
                say(f"{counted(done, 'conversation')} checked")

            yield examine(looked.conversations(), progress)

        yield [], _status("Checking"), *skips, alerts.hidden()
        with closing(follow(work)) as news:
            for each in news:
                if isinstance(each, list):
                    yield each, gr.HTML("", visible=False), *_shown(each), alerts.hidden()
                elif each:
                    yield gr.skip(), _status(each), *skips, gr.skip()
    except UserError as error:
        yield [], gr.HTML("", visible=False), *skips, alerts.shown(error)


def _status(words: str) -> Any:
    return gr.HTML(f'<p class="working" role="status">{escape(words)} …</p>', visible=True)


def _shown(found: list[Finding]) -> tuple[Any, ...]:
    if not found:
        words = '<p class="note" role="status">Nothing to say against it.</p>'
        return words, gr.Radio([], visible=False), *_nothing()
    choices = [
        (f"{each.title}" + (f" · {counted(len(each.rows), 'conversation')}" if each.rows else ""), each.code)
        for each in found
    ]
    words = f'<p class="note" role="status">{counted(len(found), "thing")} worth a look:</p>'
    return words, gr.Radio(choices, value=found[0].code, visible=True), *choose(found, found[0].code)


def _one(found: list[Finding], code: str | None) -> Finding | None:
    return next((each for each in found if each.code == code), None)


def choose(found: list[Finding], code: str | None) -> tuple[Any, ...]:
    """One finding: its advice, its examples, and what can be done."""
    one = _one(found, code)
    if one is None:
        return _nothing()
    lines = "".join(
        f"<li>{f'<b>{each.row + 1:,}</b> ' if each.row >= 0 else ''}{escape(each.text)}</li>" for each in one.examples
    )
    examples = f'<div class="alike"><p class="quiet">For example</p><ul>{lines}</ul></div>' if lines else ""
    return (
        f"<h3>{escape(one.title)}</h3><p>{escape(one.advice)}</p>{examples}",
        gr.Row(visible=True),
        gr.Button(_FIXES[one.fix], visible=bool(one.fix)),
        gr.Button(visible=bool(one.rows)),
    )


def without(found: list[Finding], code: str | None) -> tuple[Any, ...]:
    """The findings without that one."""
    rest = [each for each in found if each.code != code]
    return rest, *_shown(rest)


def show_rows(found: list[Finding], code: str | None) -> tuple[Any, Any]:
    """Show the conversations of a finding in the Conversations panel."""
    one = _one(found, code)
    return (one.title, list(one.rows)) if one else None, gr.Tabs(selected="conversations")


@alerts.told(outputs=2)
def mend(dataset: str, staged: str, found: list[Finding], code: str | None) -> tuple[Any, Any]:
    """Put a finding right."""
    one = _one(found, code)
    if one is None or not one.fix:
        raise UserError("no finding", "there is nothing to put right.", "Check the dataset first.")
    looked = required(dataset, staged)
    chats = parquet.take(looked.conversations_path, one.rows) if one.fix != "delete" else []
    made = change(one, dict(zip(one.rows, chats, strict=True)) if chats else {})
    if not (made.delete or made.replace):
        raise UserError("those conversations", "there is nothing left in them to change.", "Check the dataset again.")
    return applied(dataset, staged, made)
