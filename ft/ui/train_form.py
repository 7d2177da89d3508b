"""What the Train tab's form asks for: its components, and what they hold as a TrainConfig."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from ft import hosting
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.dataset import versions
from ft.errors import UserError
from ft.models import catalogue, facts
from ft.presets import PRESETS, configure, default_name, preset
from ft.runs import names
from ft.ui import alerts, train_settings


@dataclass(frozen=True)
class Form:
    """The components of the set-up, under the names that its events know them by."""

    dataset: gr.Dropdown
    model: gr.Dropdown
    preset: gr.Dropdown
    about: gr.HTML
    settings: list[gr.Number | gr.Textbox | gr.Dropdown]
    name: gr.Textbox
    plan: gr.HTML
    ahead: gr.HTML
    problem: gr.HTML
    start: gr.Button
    check: gr.Button
    kept: gr.BrowserState

    @property
    def asked(self) -> list[Component]:
        """The inputs of a check and of a start."""
        return [self.dataset, self.model, self.preset, *self.settings]

    @property
    def remembered(self) -> list[Component]:
        """What a refresh of the page must not lose, as `remember` takes it."""
        return [self.model, self.preset, *self.settings]


def layout(kept: gr.BrowserState) -> Form:
    """Lay the form out, with the preset that suits this machine; `kept` is what the browser remembers of it."""
    chosen = default_name()
    folder = "" if hosting.hosted() else "a folder, or "
    # A dataset's name may have 64 characters: it gets a row of its own.
    dataset = gr.Dropdown([], label="What it learns from", info="**dataset** · saved on the Data tab")
    with gr.Row(equal_height=False):
        model = gr.Dropdown(
            catalogue.choices(),
            value=DEFAULT_MODEL,
            allow_custom_value=True,
            label="What it starts from",
            info=f"**base model** · or type {folder}a Hugging Face id (owner/name)",
            min_width=260,
        )
        recipe = gr.Dropdown(
            [(each.title, each.name) for each in PRESETS],
            value=chosen,
            label="How it learns",
            info="**preset** · settings that go together",
            min_width=260,
        )
    about = gr.HTML(about_preset(chosen, DEFAULT_MODEL), elem_classes="preset-about")
    with gr.Accordion("Advanced settings", open=False):
        settings = train_settings.build(configure(chosen, {}))
        gr.Markdown("How many conversations are held out to validate on was decided when the dataset was saved.")
    gr.HTML('<h2 class="part">What will happen</h2>')
    plan = gr.HTML(elem_classes="plan")
    ahead = gr.HTML(visible=False, padding=False, elem_classes="bare")
    problem = alerts.place()
    name = gr.Textbox(
        label="Name of the run",
        info="optional · left empty, it is called by its dataset and a number",
        max_length=names.LONGEST,
    )
    with gr.Row(elem_classes="actions"):
        start = gr.Button("Start training", variant="primary", scale=0, min_width=180)
        check = gr.Button("Check", scale=0, min_width=110)
    return Form(dataset, model, recipe, about, settings, name, plan, ahead, problem, start, check, kept)


def remember(model: str, preset_name: str, *shown: Any) -> dict[str, Any]:
    """What the form holds, as the browser keeps it."""
    return {"model": model, "preset": preset_name, "settings": train_settings.settings(shown)}


def restored(kept: Any) -> tuple[Any, ...]:
    """Model, preset, its description and the settings as the browser kept them; unchanged where it kept nothing that
    can be used (it is a person's own to change)."""
    try:
        model, name = str(kept["model"]), str(kept["preset"])
        config = preset(name).config.with_settings(kept["settings"])
        return model, name, about_preset(name, model), *train_settings.values(config)
    except (KeyError, TypeError, UserError):
        return tuple(gr.skip() for _ in range(3 + len(train_settings.SETTINGS)))


def about_preset(name: str, model: str, ask_hub: bool = False) -> str:
    """The preset's one line, what of it depends on the model, and where its numbers come from, as HTML."""
    chosen = preset(name)
    fitted = train_settings.differences(chosen.for_model(facts.of(model, ask_hub)), chosen.config)
    here = f" For this base model: {fitted}." if fitted else ""
    return f"<p>{escape(chosen.about + here)}</p><p><small>Source: {escape(chosen.source)}</small></p>"


def filled(name: str, model: str | None) -> tuple[Any, ...]:
    """The preset's description and its settings for the model, for a person who chose the preset."""
    model = _model(model)
    return about_preset(name, model, ask_hub=True), *train_settings.values(configure(name, {"model": model}))


def fitted(kept: Any, model: str | None, name: str, *shown: Any) -> tuple[Any, ...]:
    """The same for a person who chose another model than `kept` holds: what they had changed by hand stays."""
    earlier = kept.get("model") if isinstance(kept, dict) else None
    earlier = _model(earlier if isinstance(earlier, str) else None)
    before = train_settings.values(configure(name, {"model": earlier}, ask_hub=False))
    about, *after = filled(name, model)
    # What does not change is not sent: it may have been typed over meanwhile.
    return about, *(
        new if value == old != new else gr.skip() for value, old, new in zip(shown, before, after, strict=True)
    )


def dataset_choices(ref: str) -> tuple[list[tuple[str, str]], str | None]:
    """(title, reference) of the newest version of each dataset, newest first, and the one to show as chosen.

    An older version that `ref` names ("name@v1") is offered too; None is chosen where there is no dataset at all.
    """
    newest = versions.list_datasets()
    offered = {each.name: each for each in newest}
    chosen = newest[0].name if newest else None
    try:
        wanted = versions.find(ref) if ref else None
    except UserError:  # it has been deleted since it was chosen
        wanted = None
    if wanted is not None and wanted.name in offered:  # else it is damaged
        chosen = wanted.name if offered[wanted.name].version == wanted.version else ref
        offered[chosen] = wanted
    titles = [
        (f"{each.name} ({each.version}, {each.count():,} conversations)", reference)
        for reference, each in offered.items()
    ]
    return titles, chosen


def config_of(model: str | None, preset_name: str, shown: tuple[Any, ...]) -> TrainConfig:
    """The config that the form holds.

    Raises:
        UserError: a value does not fit its setting.
    """
    asked = {"model": _model(model), **train_settings.settings(shown)}
    return configure(preset_name, asked, ask_hub=False)  # the form shows already what was fitted to the model


def _model(typed: str | None) -> str:
    return (typed or "").strip() or DEFAULT_MODEL
