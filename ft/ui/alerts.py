"""How what ends an event too early is shown where it happened: a refusal (`UserError`) as it is, a bug as one sentence.

A section has one place for it, and its events are wrapped, with that place as their LAST output:

    problem = alerts.place()

    @alerts.told(outputs=2)
    def save(name): ...
        return saved, gr.update(visible=True)

    button.click(save, name, [summary, next_step, problem], api_visibility="private")

`outputs` is the number of outputs without the place. Where `save` returns, the place is emptied; where it raises, the
place shows why and the other outputs stay as they are, or become `ended`: a generator that shows that it goes on gives
there how its outputs look when it does not. With `outputs=1` the function returns the one value, not a tuple; with
`outputs=0`, nothing.

An event that is not wrapped ends by hand: it outputs `alerts.shown(error)` or `alerts.hidden()` to the place. One that
switches a button off or says that it goes on does so for every `Exception`, so that no bug leaves a page locked.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterator
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from ft.errors import UserError

WENT_WRONG = UserError(
    "Something went wrong in Sidetune", "this is a bug, not your mistake.", "Try again; its log has the details."
)
_log = logging.getLogger("sidetune")
# What is given begins with a capital where it is in our own words; a name (photo.jpg, learning_rate) stays as written.
_OWN_WORDS = re.compile(
    r"(?:the|no|only|this|these|those|turn|record|conversation|run|dataset|base|preset|setting|step|format|side"
    r"|checkpoint)\b(?: |$)(?!.*\.\w{1,10}$)"
)


def place() -> gr.HTML:
    """An empty place for refusals in the section that is being laid out."""
    return gr.HTML("", visible=False, padding=False, elem_classes="refusal")


def refusal(error: Exception) -> UserError:
    """`error` as people read it. What is no UserError is a bug: `WENT_WRONG`, with its traceback in the log."""
    if isinstance(error, UserError):
        return error
    _log.error("An event failed", exc_info=error)
    return WENT_WRONG


def shown(error: Exception) -> Any:
    """The update of a place that shows `error`: what was given, why it cannot be used, what to do."""
    return gr.update(value=markup(refusal(error)), visible=True)


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


def told(outputs: int, ended: Callable[[], Any] | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap an event so that what ends it too early goes to a place (see the top of this file).

    `ended` gives its outputs then, as the event does; without it they stay as they are.
    """

    def failed(error: Exception) -> Any:
        unchanged = gr.skip() if outputs == 1 else tuple(gr.skip() for _ in range(outputs))
        return _with(ended() if ended else unchanged, outputs, shown(error))

    def wrap(event: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(event):

            @wraps(event)
            def steps(*given: Any, **named: Any) -> Iterator[Any]:
                try:
                    for values in event(*given, **named):
                        yield _with(values, outputs, hidden())
                except Exception as error:
                    yield failed(error)

            return steps

        @wraps(event)
        def once(*given: Any, **named: Any) -> Any:
            try:
                return _with(event(*given, **named), outputs, hidden())
            except Exception as error:
                return failed(error)

        return once

    return wrap


def _with(values: Any, outputs: int, place_update: Any) -> Any:
    if outputs == 0:
        return place_update
    if outputs == 1:
        return values, place_update
    return *values, place_update
