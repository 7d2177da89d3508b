"""The runs that wait for the device, on the Runs tab: who goes next, and how to change that. Hidden where none waits.

One list to choose from and buttons for the one that is chosen, so that a button stays where it is, and keeps the focus,
when the run that it moves has another place.
"""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any

import gradio as gr

from ft.errors import UserError
from ft.runs import directory, queue
from ft.runs.queue import Line, Waiting
from ft.ui import alerts
from ft.ui.run_view import TICK_SECONDS, model_title
from ft.ui.run_words import STATES
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, follow, mark, on_change, own_tab, what_is_drawn

_NOTE = "Cancel takes it out of this list: it can be started again later, and then waits at the end."


def build(shared: Shared) -> None:
    """Lay the list out and wire it."""
    with gr.Column(visible=False, elem_classes="run-queue") as box:
        head = gr.HTML(padding=False, elem_classes="bare")
        chosen = gr.Radio(
            [], label="In this order", info="Choose one to move it or to cancel it.", elem_classes="choice-list"
        )
        with gr.Row(elem_classes="actions"):
            moves = {
                where: gr.Button(words, scale=0, min_width=110)
                for where, words in (("up", "Move up"), ("down", "Move down"), ("first", "Move first"))
            }
            out = gr.Button("Cancel", scale=0, min_width=110)
        gr.HTML(f'<p class="note">{_NOTE}</p>', padding=False)
        problem = alerts.place()
    seen, timer = what_is_drawn(), gr.Timer(TICK_SECONDS)
    outputs = [box, head, chosen, *moves.values(), problem, seen]
    follow(timer, differs, [seen], tick, [chosen, seen], outputs)
    shared.arrival.then(show, chosen, outputs, **PRIVATE)
    on_change([own_tab().select], show, chosen, outputs)
    for where, button in moves.items():
        button.click(partial(move, where), chosen, outputs, **PRIVATE)
    out.click(cancel, chosen, outputs, **PRIVATE)


def differs(seen: str) -> bool:
    """Whether the line is another than that of which `seen` is the mark."""
    return _seen(queue.line()) != seen


def tick(chosen: str | None, seen: str) -> Any:
    """What changed since `seen`: nothing at all most of the time."""
    now = queue.line()
    return gr.skip() if _seen(now) == seen else show(chosen, now=now)


def show(chosen: str | None, problem: UserError | None = None, now: Line | None = None) -> tuple[Any, ...]:
    """Updates for all of the outputs that show the line; the chosen run stays chosen for as long as it waits."""
    now = now or queue.line()
    ids = [each.run.id for each in now.waiting]
    several = len(ids) > 1
    choices = [(_words(place, each), each.run.id) for place, each in enumerate(now.waiting, 1)]
    return (
        gr.Column(visible=_shown(now) or problem is not None),
        _head(now),
        gr.Radio(choices, value=chosen if chosen in ids else next(iter(ids), None)),
        *[gr.Button(visible=several)] * 3,
        alerts.shown(problem) if problem else alerts.hidden(),
        _seen(now),
    )


def move(where: str, chosen: str | None) -> tuple[Any, ...]:
    """Give the chosen run another place."""
    try:
        return show(chosen, now=queue.move(directory.find(chosen or ""), where))
    except UserError as error:
        return show(chosen, error)


def cancel(chosen: str | None) -> tuple[Any, ...]:
    """Take the chosen run out of the line."""
    try:
        queue.cancel(directory.find(chosen or ""))
    except UserError as error:
        return show(chosen, error)
    return show(chosen)


def _shown(now: Line) -> bool:
    """Not for a run that is only starting, while the device is free."""
    return any(each.now.state == "waiting" for each in now.waiting)


def _seen(now: Line) -> str:
    if not _shown(now):
        return ""
    using = [*(run.title for run in now.using), *sorted(now.trials)]
    return mark(" ".join([*using, "-", *(f"{each.run.title} {each.now.state}" for each in now.waiting)]))


def _head(now: Line) -> str:
    names = [*(f"“{run.name}”" for run in reversed(now.using)), *[queue.TRIAL] * len(now.trials)]
    if now.trials and len(names) == 1:
        using = "A trial is using it."
    elif names:
        using = f"{' and '.join(names)} {'is using it.' if len(names) == 1 else 'are using the GPUs.'}"
    else:
        using = "Another program is using it, or it is just being handed on."
    return f'<h2 class="part">Waiting for the device</h2><p class="run-about">{escape(using)}</p>'


def _words(place: int, each: Waiting) -> str:
    config = each.run.config
    starting = "" if each.now.state == "waiting" else f" · {STATES[each.now.state].lower()}"
    return f"{place}. {each.run.title} · {config.dataset} {config.version} · {model_title(each.run)}{starting}"
