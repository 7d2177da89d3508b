"""The tab that is being laid out, and how it listens to what it shares with the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import gradio as gr
from gradio.context import Context
from gradio.events import Dependency

from ft.errors import UserError

# How an event of the page is wired that is nobody else's: no endpoint for scripts, and nothing spins while it answers.
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# How a tab listens to what all tabs listen to (the chosen dataset or run): always. Of several answers on their way, the
# page's `Page` gives the last.
SHARED_EVENT: dict[str, Any] = {"trigger_mode": "multiple", **PRIVATE}
# How what follows a timer is wired: not behind what people ask for, and not again while it still looks.
TICK: dict[str, Any] = {"queue": False, "concurrency_limit": None, "trigger_mode": "once", **PRIVATE}
LISTS_SECONDS = 2.0  # how old what a page tells of runs may be
_ONCE_ARRIVED = "(...values) => window.sidetune.once(values)"  # see `ft.ui.address`

Change = Dependency | Callable[..., Dependency]  # an event that was wired, or one that can be: `own_tab().select`


def on_change(changes: Sequence[Change], fn: Callable[..., Any], *wired: Any, **more: Any) -> list[Dependency]:
    """Wire `fn` to be asked, with these inputs and outputs, after each of these changes of what all tabs share, and
    when each of the other events (`own_tab().select`) happens, but for those as the page opens: what is to be shown
    then is chained to `shared.arrival`.

    Gradio 6.31 runs what listens to one component's change one after the other, and what is chained to an event all at
    once: so each change has one listener, in the browser (`ft.ui.address`), and the tabs are chained to that.
    """
    how = {**SHARED_EVENT, **more}
    events = [each for each in changes if not isinstance(each, Dependency)]
    chained = [each.then(fn, *wired, **how) for each in changes if isinstance(each, Dependency)]
    return [*chained, *([gr.on(events, fn, *wired, js=_ONCE_ARRIVED, **how)] if events else [])]


class Question(NamedTuple):
    """`fn`, to be asked with the values of `inputs` for what to put into `outputs`."""

    fn: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]


def ask_together(event: Dependency, questions: Sequence[Question]) -> None:
    """Ask all of them after the event, at once: each event costs a page as much as dozens of outputs do."""

    def answers(*given: Any) -> list[Any]:
        values = iter(given)
        found: list[Any] = []
        for fn, inputs, outputs in questions:
            answer = fn(*islice(values, len(inputs)))
            found += [answer] if len(outputs) == 1 else answer
        return found

    inputs = [each for question in questions for each in question.inputs]
    event.then(answers, inputs, [each for question in questions for each in question.outputs], **SHARED_EVENT)


def follow(
    timer: gr.Timer,
    differs: Callable[..., bool],
    looked_at: Sequence[Any],
    draw: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
) -> Dependency:
    """At each tick, where `differs` says so of the values of `looked_at`, have `draw` answered with `inputs` for
    `outputs`: the event of that, to chain what follows it to. (Gradio 6.31 tells of no change of a State at an event
    that does not go through the queue, as these do not.)

    The tick itself has one output: Gradio 6.31 goes through all components of the page for each output of an event,
    also where nothing is changed, and a page that nobody touches took a third of a core for it.
    """
    news = gr.Textbox(visible=False)
    timer.tick(partial(_news, differs), looked_at, news, **TICK)
    drawn: Dependency = news.change(draw, inputs, outputs, **TICK)
    return drawn


def _news(differs: Callable[..., bool], *looked_at: Any) -> Any:
    return str(time.time_ns()) if differs(*looked_at) else gr.skip()  # another text each time: so it is a change


def forget_with(settings: Sequence[Any], forget: Callable[..., Any], outputs: Sequence[Any]) -> None:
    """Have `forget`, asked with nothing, take away what was made with these settings once somebody sets another."""
    set_anew = [each.release if isinstance(each, gr.Slider) else each.input for each in settings]
    gr.on(set_anew, forget, None, outputs, **PRIVATE)


def what_is_drawn() -> gr.Textbox:
    """Where a page keeps a `mark` of what it shows; a tick compares it with what there is now.

    It is the page's own, and comes with what it is of: kept here, it would be of the tick's answer also where the page
    got an older one after it, and the page would never follow again.
    """
    return gr.Textbox(visible=False)


def require_drawn(drawn: str, now: str, what: str) -> None:
    """Raise UserError where the page draws something else than that of which the mark is `now`: then what somebody
    pressed was not meant for it."""
    if drawn != now:
        raise UserError(what, "it has become another one since the page drew it.", "Look at it, and press again.")


def mark(told: str) -> str:
    """A short text, another one for each `told`."""
    return blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()


def own_tab() -> gr.Tab:
    """The innermost `with gr.Tab(...)` around the caller.

    Raises:
        RuntimeError: there is none, which is a mistake in the page's layout.
    """
    block = Context.block
    while block is not None and not isinstance(block, gr.Tab):
        block = block.parent
    if block is None:
        raise RuntimeError("a tab's build() was called outside of its `with gr.Tab(...)`")
    return block
