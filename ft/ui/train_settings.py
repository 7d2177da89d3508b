"""The advanced settings of a run: each field of TrainConfig in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ft.config import TrainConfig
from ft.models.learning_rate import rate

Control = gr.Number | gr.Textbox | gr.Dropdown

METHODS = (("4-bit base (QLoRA)", "qlora"), ("Base as it is (LoRA)", "lora"))
SCHEDULES = (("Falls as a cosine", "cosine"), ("Falls in a line", "linear"), ("Stays the same", "constant"))
OVERLONG = (("Cut after a reply that fits", "cut"), ("Leave it out", "drop"), ("Refuse to start", "refuse"))
VARIANTS = (("Plain (LoRA)", "lora"), ("For high ranks (rsLoRA)", "rslora"), ("In two parts (DoRA)", "dora"))
STARTS = (("Small (PEFT's)", "default"), ("Larger (Gaussian)", "gaussian"))


@dataclass(frozen=True, slots=True)
class Setting:
    """One control: the field's name, its question in plain words, and under it the term, the usual range and why."""

    name: str
    label: str
    term: str
    usual: str
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def info(self) -> str:
        return f"**{self.term}** · {self.usual}"


GROUPS: tuple[tuple[str, tuple[Setting, ...]], ...] = (
    (
        "How fast it learns",
        (
            Setting(
                "learning_rate",
                "How much the model may change in a step",
                "learning rate",
                "usual 1e-4 to 3e-4 for 7B and larger, 5e-4 to 1.5e-3 for small models. An adapter takes about ten "
                "times the rate of full fine-tuning; models are pretrained with peaks near 3e-4 (7B) to 3e-3 (135M). "
                "Too high: the loss jumps; too low: it barely falls",
            ),
            Setting(
                "schedule",
                "How that falls over the run",
                "learning rate schedule",
                "cosine is the usual choice; QLoRA's authors kept it constant",
                SCHEDULES,
            ),
            Setting(
                "warmup_ratio",
                "Share of the run spent warming up",
                "warmup ratio",
                "usual 0.03 to 0.1: the rate rises from 0, so that the first steps do no harm",
            ),
            Setting(
                "weight_decay",
                "Pull of the new weights towards zero",
                "weight decay",
                "usual 0 to 0.1; a little of it against learning small data by heart",
            ),
        ),
    ),
    (
        "How long it learns",
        (
            Setting(
                "epochs",
                "Times it reads every conversation",
                "epochs",
                "usual 1 to 3; up to 5 for small data. When validation loss rises again, it was too many",
            ),
            Setting("max_steps", "End after this many steps", "max steps", "0: as many as the epochs need"),
            Setting(
                "early_stopping_patience",
                "End after so many validations without progress",
                "early stopping patience",
                "usual 2 to 3; 0 turns it off",
            ),
        ),
    ),
    (
        "What learns",
        (
            Setting(
                "method",
                "How the base model is held in memory",
                "method",
                "4-bit takes a quarter of the memory at nearly the same quality",
                METHODS,
            ),
            Setting(
                "trained_layers",
                "Layers that learn",
                "trained layers",
                "all, or a number: only the last N, the rest stay frozen. Fewer for small data",
            ),
            Setting(
                "lora_rank",
                "Size of what is learned",
                "LoRA rank",
                "usual 8 to 64: larger holds more, and learns small data by heart sooner",
            ),
            Setting("lora_alpha", "Weight of what is learned", "LoRA alpha", "usual once or twice the rank"),
            Setting(
                "lora_dropout",
                "Share left out at random while learning",
                "LoRA dropout",
                "usual 0.05 to 0.1; less for large models",
            ),
        ),
    ),
    (
        "How much at once",
        (
            Setting(
                "batch_size",
                "Conversations at once",
                "batch size",
                "usual 1 to 16: as many as memory holds",
            ),
            Setting(
                "gradient_accumulation",
                "Batches in one step",
                "gradient accumulation",
                "usual 1 to 16: as a larger batch, for the memory of a small one",
            ),
            Setting(
                "max_length",
                "Longest conversation",
                "max length, tokens",
                "usual 512 to 4096: memory and time grow with it. The plan says how many are longer",
            ),
            Setting("overlong", "What becomes of longer ones", "over-long", "cutting keeps the first turns", OVERLONG),
        ),
    ),
)
EXPERT_GROUPS: tuple[tuple[str, tuple[Setting, ...]], ...] = (
    (
        "Against learning by heart",
        (
            Setting(
                "neftune_noise_alpha",
                "Noise on what it reads while it learns",
                "NEFTune noise alpha",
                "usual 5 to 15; 0 turns it off. Made replies longer and better in its authors' tests on small data",
            ),
            Setting(
                "label_smoothing",
                "Doubt about the right word",
                "label smoothing",
                "usual 0 to 0.1: the model may be less sure of each word. On a GPU a step takes longer with it",
            ),
        ),
    ),
    (
        "The adapter",
        (
            Setting(
                "lora_variant",
                "Kind of adapter",
                "LoRA variant",
                "plain is the usual choice; rsLoRA lets ranks of 64 and more count; DoRA learns length and direction "
                "of weights apart, which can help at low ranks and takes longer",
                VARIANTS,
            ),
            Setting(
                "lora_init",
                "Random numbers it begins with",
                "LoRA initialisation",
                "PEFT's is the usual choice; Gaussian is the LoRA paper's. Either way it begins as the base model",
                STARTS,
            ),
            Setting(
                "seed",
                "Number that makes chance repeatable",
                "seed",
                "the same seed gives the same run on the same machine",
            ),
        ),
    ),
    (
        "The steps",
        (
            Setting(
                "adam_beta2",
                "Memory for how large the steps were",
                "Adam beta2",
                "usual 0.95 to 0.999, which QLoRA's authors used",
            ),
            Setting(
                "max_grad_norm",
                "Longest step that is believed",
                "max gradient norm",
                "usual 0.3 to 1: one odd batch cannot throw the model off",
            ),
            Setting("eval_steps", "Steps between validations", "eval steps", "0: four times an epoch; each takes time"),
            Setting("save_steps", "Steps between checkpoints", "save steps", "0: at every validation"),
        ),
    ),
)
SETTINGS: tuple[Setting, ...] = tuple(setting for _, group in (*GROUPS, *EXPERT_GROUPS) for setting in group)


def build(config: TrainConfig) -> list[Control]:
    """The controls, in the order of SETTINGS, showing `config`."""
    controls = _build_groups(GROUPS, config)
    with gr.Accordion("For experts", open=False):
        controls += _build_groups(EXPERT_GROUPS, config)
    return controls


def _build_groups(groups: Sequence[tuple[str, tuple[Setting, ...]]], config: TrainConfig) -> list[Control]:
    controls: list[Control] = []
    for title, group in groups:
        gr.Markdown(f"#### {title}")
        with gr.Row(equal_height=False, elem_classes="settings-row"):
            controls += [_control(setting, getattr(config, setting.name)) for setting in group]
    return controls


def _control(setting: Setting, value: Any) -> Control:
    common: dict[str, Any] = {"label": setting.label, "info": setting.info, "min_width": 240, "interactive": True}
    if setting.choices:
        return gr.Dropdown(list(setting.choices), value=value, **common)
    if setting.name == "trained_layers":
        return gr.Textbox(str(value), max_lines=1, **common)
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
    shown = [getattr(config, setting.name) for setting in SETTINGS]
    return [
        str(value) if setting.name == "trained_layers" else value
        for setting, value in zip(SETTINGS, shown, strict=True)
    ]


def settings(shown: Sequence[Any]) -> dict[str, Any]:
    """The settings that the controls show, as `TrainConfig.with_settings` takes them; an emptied one is its default."""
    given = {setting.name: value for setting, value in zip(SETTINGS, shown, strict=True) if value not in (None, "")}
    layers = str(given.get("trained_layers", "all")).strip().lower()
    return {**given, "trained_layers": layers}


def differences(config: TrainConfig, recipe: TrainConfig) -> str:
    """The settings in which `config` is not `recipe`, as "term value" in a row; "" where there are none."""
    changed = [s for s in SETTINGS if getattr(config, s.name) != getattr(recipe, s.name)]
    return ", ".join(f"{setting.term} {_said(setting, getattr(config, setting.name))}" for setting in changed)


def _said(setting: Setting, value: Any) -> str:
    return rate(value) if setting.name == "learning_rate" else f"{value}"
