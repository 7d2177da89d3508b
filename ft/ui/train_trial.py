"""The Train tab's fold for trying a run first: two real steps, what they took, and one click to make it fit."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ft.config import TrainConfig
from ft.dataset import versions
from ft.dataset.versions import Version
from ft.figures import duration
from ft.train import preflight
from ft.train.preflight import Preflight
from ft.train.trial import Trial, trial
from ft.train.trial_words import report
from ft.ui import alerts, marks, train_form, train_settings
from ft.ui.background import Say, follow
from ft.ui.optional_number import number_in, optional_number
from ft.ui.tab import PRIVATE
from ft.ui.train_form import Form

_PRICE = "What this machine costs an hour"
CANCELLED = "Cancelled: nothing was changed."
_TOLD_EVERY = 1.0  # seconds between two updates: with each the page learns whether its visitor is still there


class _CancelledError(Exception):
    pass


@dataclass
class Going:
    """The trial of one visitor, seen by both of their events: Cancel sets `cancelled` of the one that is going."""

    cancelled: threading.Event | None = None


@dataclass(frozen=True)
class TrialFold:
    """The components; `changed` holds the settings that `use` puts into the form."""

    price: gr.Textbox
    go: gr.Button
    cancel: gr.Button
    result: gr.HTML
    use: gr.Button
    changed: gr.State
    problem: gr.HTML
    going: gr.State


def layout() -> TrialFold:
    """Lay the fold out, closed."""
    with gr.Accordion("Try it first: does it fit, how long does it take?", open=False):
        gr.Markdown(
            "Takes two real steps on the longest conversations, and measures memory and speed. "
            "Where they do not fit, it tries what would. It loads the base model, so it takes half a minute or more."
        )
        with gr.Row(equal_height=False):
            price = optional_number(
                _PRICE,
                "**price** · in any currency; empty: costs are left out",
                placeholder="for example 2.50",
                scale=0,
                min_width=260,
            )
        result = gr.HTML(elem_classes="plan")
        problem = alerts.place()
        with gr.Row(elem_classes="actions"):
            go = gr.Button("Take two steps", scale=0, min_width=150)
            cancel = gr.Button("Cancel the trial", variant="stop", visible=False, scale=0, min_width=150)
            use = gr.Button("Use these settings", scale=0, min_width=180, visible=False)
    return TrialFold(price, go, cancel, result, use, gr.State({}), problem, gr.State(Going()))


def wire(fold: TrialFold, form: Form) -> Any:
    """Wire the fold to the form; gives the event after which the form holds other settings."""
    shown = [fold.result, fold.go, fold.cancel, fold.use, fold.changed, fold.problem]
    # Several at once, so that who comes second is told that the device is taken, instead of waiting unawares.
    fold.go.click(take, [fold.going, fold.price, *form.asked], shown, concurrency_limit=4, **PRIVATE)
    fold.cancel.click(cancel, fold.going, None, queue=False, **PRIVATE)
    return fold.use.click(use, [fold.changed, *form.settings], [*form.settings, fold.use], **PRIVATE)


def take(
    going: Going, price: str, dataset: str | None, model: str, preset_name: str, *shown: Any
) -> Iterator[tuple[Any, ...]]:
    """Try the run that the form describes; updates for result, the buttons, the changes and the place of refusals.

    Closing this iterator, as Gradio does when its page is closed, cancels the trial as Cancel does.
    """
    cancelled = going.cancelled = threading.Event()
    try:
        hourly = number_in(price, _PRICE)
        config = train_form.config_of(model, preset_name, shown)
        for each in _tried(versions.find(dataset or ""), config, cancelled):
            if isinstance(each, str):
                yield _busy(each, cancelled.is_set())
            else:
                counts, found = each
                text = "\n".join(f"- {line}" for line in report(found, counts, hourly or None))
                yield _over(text, found.changes)
    except _CancelledError:
        yield _over(CANCELLED)
    except Exception as error:
        yield _over("", problem=error)
    finally:
        cancelled.set()


def cancel(going: Going) -> None:
    """Cancel the trial that is going, if one is."""
    if going.cancelled:
        going.cancelled.set()


def use(changed: dict[str, Any], *shown: Any) -> tuple[Any, ...]:
    """The form's settings with the changes of the trial in them."""
    values = {**dict(zip((s.name for s in train_settings.SETTINGS), shown, strict=True)), **changed}
    return (*values.values(), gr.Button(visible=False))


def _tried(
    version: Version, config: TrainConfig, cancelled: threading.Event
) -> Iterator[str | tuple[Preflight, Trial]]:
    """What is being done, for as long as it is, and at the end what was found.

    Raises:
        _CancelledError: `cancelled` was set; the trial's process has ended.
    """

    def heed() -> None:
        if cancelled.is_set():
            raise _CancelledError

    def work(say: Say) -> Generator[tuple[Preflight, Trial], None, None]:
        def told(text: str) -> None:
            heed()
            say(text)

        counts = preflight.check(version, config, told, heed)
        yield counts, trial(version, config, told, heed)

    doing, since, at = "Reading the dataset", time.monotonic(), 0.0
    yield doing
    with closing(follow(work)) as news:
        for each in news:
            if isinstance(each, tuple):
                yield each
                return
            said, doing = doing, each or doing
            if doing != said or cancelled.is_set() or time.monotonic() - at >= _TOLD_EVERY:
                at = time.monotonic()
                yield f"{doing}, {duration(at - since)}"


def _busy(doing: str, cancelled: bool) -> tuple[Any, ...]:
    return (
        marks.html(f"- {'Cancelling' if cancelled else doing} …"),
        gr.Button("Trying", interactive=False),
        gr.Button(visible=True, interactive=not cancelled),
        gr.Button(visible=False),
        {},
        alerts.hidden(),
    )


def _over(text: str, changes: dict[str, Any] | None = None, problem: Exception | None = None) -> tuple[Any, ...]:
    return (
        marks.html(text),
        gr.Button("Take two steps", interactive=True),
        gr.Button(visible=False),
        gr.Button(visible=bool(changes)),
        changes or {},
        alerts.shown(problem) if problem else alerts.hidden(),
    )
