"""The Train tab's fold for trying a run first: two real steps, what they took, and one click to make it fit."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ft.dataset import versions
from ft.errors import UserError
from ft.train import preflight
from ft.train.preflight import Preflight
from ft.train.trial import Trial, trial
from ft.train.trial_words import report
from ft.ui import alerts, train_form, train_settings
from ft.ui.background import Say, follow
from ft.ui.tab import PRIVATE
from ft.ui.train_form import Form


@dataclass(frozen=True)
class TrialFold:
    """The components; `changed` holds the settings that `use` puts into the form."""

    price: gr.Number
    go: gr.Button
    result: gr.Markdown
    use: gr.Button
    changed: gr.State
    problem: gr.HTML


def layout() -> TrialFold:
    """Lay the fold out, closed."""
    with gr.Accordion("Try it first: does it fit, how long does it take?", open=False):
        gr.Markdown(
            "Takes two real steps on the longest conversations, and measures memory and speed. "
            "Where they do not fit, it tries what would. It loads the base model, so it takes half a minute or more."
        )
        with gr.Row(equal_height=False):
            price = gr.Number(
                None,
                label="What this machine costs an hour",
                info="**price** · in any money; empty: not said",
                minimum=0,
                step=0.1,
                scale=0,
                min_width=260,
            )
        result = gr.Markdown(elem_classes="plan")
        problem = alerts.place()
        with gr.Row(elem_classes="actions"):
            go = gr.Button("Take two steps", scale=0, min_width=150)
            use = gr.Button("Use these settings", scale=0, min_width=180, visible=False)
    return TrialFold(price, go, result, use, gr.State({}), problem)


def wire(fold: TrialFold, form: Form) -> Any:
    """Wire the fold to the form; gives the event after which the form holds other settings."""
    shown = [fold.result, fold.go, fold.use, fold.changed, fold.problem]
    fold.go.click(take, [fold.price, *form.asked], shown, concurrency_limit=1, concurrency_id="trial", **PRIVATE)
    return fold.use.click(use, [fold.changed, *form.settings], [*form.settings, fold.use], **PRIVATE)


def take(
    price: float | None, dataset: str | None, model: str, preset_name: str, *shown: Any
) -> Iterator[tuple[Any, ...]]:
    """Try the run that the form describes; updates for result, both buttons, the changes and the place of refusals."""
    again = gr.Button("Take two steps", interactive=True)
    busy = gr.Button("Trying", interactive=False)
    hidden = gr.Button(visible=False)
    try:
        config = train_form.config_of(model, preset_name, shown)
        version = versions.find(dataset or "")

        def work(say: Say) -> Generator[tuple[Preflight, Trial], None, None]:
            counts = preflight.check(version, config, say)
            yield counts, trial(version, config, say)

        yield "- Reading the dataset …", busy, hidden, {}, alerts.hidden()
        with closing(follow(work)) as news:
            for each in news:
                if isinstance(each, str):
                    yield f"- {each} …", busy, hidden, {}, alerts.hidden()
                elif each is not None:
                    counts, found = each
                    text = "\n".join(f"- {line}" for line in report(found, counts, price))
                    use = gr.Button(visible=bool(found.changes))
                    yield text, again, use, found.changes, alerts.hidden()
    except UserError as error:
        yield "", again, hidden, {}, alerts.shown(error)


def use(changed: dict[str, Any], *shown: Any) -> tuple[Any, ...]:
    """The form's settings with the changes of the trial in them."""
    values = {**dict(zip((s.name for s in train_settings.SETTINGS), shown, strict=True)), **changed}
    return (*values.values(), gr.Button(visible=False))
