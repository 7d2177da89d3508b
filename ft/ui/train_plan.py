"""What a run will do, said before it is started. No gradio here, so that it can be tested."""

from __future__ import annotations

from ft.config import TrainConfig
from ft.models.facts import ModelFacts
from ft.presets import Preset
from ft.train.preflight import Preflight
from ft.ui.train_settings import differences

AUTOMATIC_LIMIT = 5_000  # conversations: tokenising more takes long enough that a person should ask for it


def plan(found: Preflight, config: TrainConfig, preset: Preset, known: ModelFacts | None = None) -> str:
    """What `ft.train.preflight.check` found in plain words, with the marks of `ft.ui.marks`; what is `known` of the
    model's size says how the preset fits itself to it."""
    rows = "samples" if found.samples > found.train else "conversations"
    share = found.trained_tokens / found.tokens if found.tokens else 0
    lines = [
        f"**{found.train:,} conversations** to learn from, **{found.validation:,} held out** to validate on.",
        f"**{found.tokens:,} tokens**, of which {found.trained_tokens:,} ({share:.0%}) are learned: the replies. "
        "Questions are only read.",
        f"**{found.steps:,} steps** of {_per_step(config)} {rows}"
        + (f", {config.epochs:g} times through." if not config.max_steps else ", then it ends: see max steps."),
        _long(found, config),
        *found.remarks,
    ]
    changed = differences(config, preset.for_model(known))
    if changed:
        lines.append(f"Changed from {preset.title}: {changed}.")
    return "\n".join(f"- {line}" for line in lines if line)


def _per_step(config: TrainConfig) -> int:
    return config.batch_size * config.gradient_accumulation


def _long(found: Preflight, config: TrainConfig) -> str:
    if not found.over_limit:
        return f"Longest conversation: {found.longest:,} tokens. All fit into {config.max_length:,}."
    return (
        f"Longest conversation: {found.longest:,} tokens, {found.over_limit:,} over the limit of {config.max_length:,}."
    )
