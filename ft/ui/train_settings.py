"""The advanced settings of a run: their controls, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ft.config import TrainConfig
from ft.figures import memory
from ft.models import device
from ft.models.learning_rate import rate
from ft.ui.setting_words import EXPERT_GROUPS, GROUPS, SETTINGS, Setting

Control = gr.Number | gr.Textbox | gr.Dropdown


def build(config: TrainConfig) -> list[Control]:
    """The controls, in the order of SETTINGS, showing `config`."""
    controls = _build_groups(GROUPS, config)
    with gr.Accordion("For experts", open=False):
        controls += _build_groups(EXPERT_GROUPS, config)
    return controls


def _build_groups(groups: Sequence[tuple[str, tuple[Setting, ...]]], config: TrainConfig) -> list[Control]:
    controls: list[Control] = []
    for title, group in groups:
        gr.HTML(f'<h2 class="part">{title}</h2>')
        with gr.Row(equal_height=False, elem_classes="settings-row"):
            controls += [_control(setting, getattr(config, setting.name)) for setting in group]
    return controls


def _control(setting: Setting, value: Any) -> Control:
    common: dict[str, Any] = {"label": setting.label, "info": setting.info, "min_width": 240, "interactive": True}
    if setting.choices:
        return gr.Dropdown(list(setting.choices), value=value, **common)
    if setting.name == "trained_layers":
        return gr.Textbox(str(value), max_lines=1, **common)
    if setting.name == "gpus":
        there = [(f"GPU {each.id} · {each.name}, {memory(each.memory_bytes)}", each.id) for each in device.gpus()]
        return gr.Dropdown(there, value=_shown(setting, value), multiselect=True, visible=len(there) > 1, **common)
    whole = TrainConfig.model_fields[setting.name].annotation is int
    return gr.Number(value, precision=0 if whole else None, step=_step(setting.name), **common)


def _step(name: str) -> float:
    return {
        "learning_rate": 1e-5,
        "warmup_ratio": 0.01,
        "weight_decay": 0.01,
        "lora_dropout": 0.01,
        "label_smoothing": 0.01,
        "adam_beta2": 0.001,
        "max_grad_norm": 0.1,
        "epochs": 0.5,
        "max_length": 64,
    }.get(name, 1)


def values(config: TrainConfig) -> list[Any]:
    """What the controls show for `config`, in the order of SETTINGS."""
    return [_shown(setting, getattr(config, setting.name)) for setting in SETTINGS]


def settings(shown: Sequence[Any]) -> dict[str, Any]:
    """The settings that the controls show, as `TrainConfig.with_settings` takes them; an emptied one is its default."""
    given = {setting.name: value for setting, value in zip(SETTINGS, shown, strict=True) if value not in (None, "")}
    layers = str(given.get("trained_layers", "all")).strip().lower()
    return {**given, "trained_layers": layers, "gpus": ",".join(given.get("gpus", ()))}


def differences(config: TrainConfig, recipe: TrainConfig) -> str:
    """The settings in which `config` is not `recipe`, as "term value" in a row; "" where there are none."""
    changed = [s for s in SETTINGS if getattr(config, s.name) != getattr(recipe, s.name)]
    return ", ".join(f"{setting.term} {_said(setting, getattr(config, setting.name))}" for setting in changed)


def _shown(setting: Setting, value: Any) -> Any:
    """What the control of a setting holds for a value of it."""
    if setting.name == "gpus":
        there = {each.id for each in device.gpus()} if value else set()  # another machine's, or gone: no choice
        return [each for each in value.split(",") if each in there]
    return str(value) if setting.name == "trained_layers" else value


def _said(setting: Setting, value: Any) -> str:
    return rate(value) if setting.name == "learning_rate" else f"{value}"
