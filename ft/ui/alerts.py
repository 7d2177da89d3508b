"""How a refusal (`UserError`) is shown where it happened.

A section has one place for it, and its events are wrapped, with that place as their LAST output:

    problem = alerts.place()

    @alerts.told(outputs=2)
    def save(name): ...
        return saved, gr.update(visible=True)

    button.click(save, name, [summary, next_step, problem], api_visibility="private")

`outputs` is the number of outputs without the place. Where `save` returns, the place is emptied; where it raises a
UserError, the place shows it and the other outputs stay as they are. Generators work too (what they yielded stays).
With `outputs=1` the function returns the one value, not a tuple; with `outputs=0`, nothing. To show or hide a refusal
by hand, output `alerts.shown(error)` or `alerts.hidden()` to the place. Anything else is a bug and passes on.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from ft.errors import UserError

# What is given begins with a capital where it is in our own words; a name (photo.jpg, learning_rate) stays as written.
_OWN_WORDS = re.compile(
    r"(?:the|no|only|this|these|those|turn|record|conversation|run|dataset|base|preset|setting|step|format|side"
    r"|checkpoint)\b(?: |$)(?!.*\.\w{1,10}$)"
)


def place() -> gr.HTML:
    """An empty place for refusals in the section that is being laid out."""
    return gr.HTML("", visible=False, padding=False, elem_classes="refusal")


def shown(error: UserError) -> Any:
    """The update of a place that shows `error`: what was given, why it cannot be used, what to do."""
    return gr.update(value=markup(error), visible=True)


def hidden() -> Any:
    """The update that empties a place."""
    return gr.update(value="", visible=False)


def markup(error: UserError) -> str:
    """`error` as HTML, all of its text escaped; a screen reader reads it out (role="alert")."""
    named = error.given[:1].upper() + error.given[1:] if _OWN_WORDS.match(error.given) else error.given
    given, why, todo = (escape(text) for text in (named, error.why, error.todo))
    return (
        f'<div class="alert" role="alert"><p><strong>{given}</strong>: {why}</p><p class="alert-todo">{todo}</p></div>'
    )


def inform(text: str) -> None:
    """Say `text` in passing, in a corner of the page, for as long as it takes to read (see accessible.js). Gradio takes
    it for HTML, with pictures and links: so it is escaped."""
    gr.Info(escape(text), duration=None)


def warn(text: str) -> None:
    """The same of what to be careful about."""
    gr.Warning(escape(text), duration=None)


def told(outputs: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap an event so that its refusals go to a place (see the top of this file)."""

    def wrap(event: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(event):

            @wraps(event)
            def steps(*given: Any, **named: Any) -> Iterator[Any]:
                try:
                    for values in event(*given, **named):
                        yield _with(values, outputs, hidden())
                except UserError as error:
                    yield _with(_unchanged(outputs), outputs, shown(error))

            return steps

        @wraps(event)
        def once(*given: Any, **named: Any) -> Any:
            try:
                return _with(event(*given, **named), outputs, hidden())
            except UserError as error:
                return _with(_unchanged(outputs), outputs, shown(error))

        return once

    return wrap


def _unchanged(outputs: int) -> Any:
    return gr.skip() if outputs == 1 else tuple(gr.skip() for _ in range(outputs))


def _with(values: Any, outputs: int, place_update: Any) -> Any:
    if outputs == 0:
        return place_update
    if outputs == 1:
        return values, place_update
    return *values, place_update
