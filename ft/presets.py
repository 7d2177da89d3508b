"""Named recipes: a preset is a TrainConfig, with the source of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from ft.config import TrainConfig
from ft.errors import UserError


@dataclass(frozen=True, slots=True)
class Preset:
    """`name` for a script, `title` and `about` for a person, `source` says where the numbers come from."""

    name: str
    title: str
    about: str
    source: str
    config: TrainConfig


PRESETS: tuple[Preset, ...] = (
    Preset(
        "cpu",
        "CPU",
        "A small model on a machine without a GPU: minutes, small batches, a high learning rate.",
        "Measured on the bundled sample with the embedded model on 2 cores; rank and alpha after LoRA Without Regret "
        "(Thinking Machines, 2025).",
        TrainConfig(learning_rate=1e-3, lora_rank=16, lora_alpha=32, epochs=3, batch_size=4, max_length=512),
    ),
    Preset(
        "quick-look",
        "Quick look",
        "Twenty steps: does it run, does the loss fall? Not a finished model.",
        "The CPU preset, cut short.",
        TrainConfig(learning_rate=1e-3, lora_rank=16, lora_alpha=32, max_steps=20, batch_size=4, max_length=512),
    ),
    Preset(
        "guanaco",
        "Guanaco",
        "QLoRA as its authors trained Guanaco 7B and 13B, for a GPU and thousands of conversations.",
        "Dettmers et al. 2023, QLoRA, arXiv 2305.14314.",
        TrainConfig(
            lora_rank=64,
            lora_alpha=16,
            lora_dropout=0.1,
            learning_rate=2e-4,
            schedule="constant",
            warmup_ratio=0.03,
            batch_size=4,
            gradient_accumulation=4,
            epochs=1,
            max_length=512,
        ),
    ),
    Preset(
        "small-data",
        "Small data",
        "Under a few hundred conversations: only the last layers learn, at a low rank, and it stops early.",
        "Freezing all but the last layers and a low rank against over-fitting; rates as in LoRA Without Regret.",
        TrainConfig(
            trained_layers=8,
            lora_rank=8,
            lora_alpha=16,
            lora_dropout=0.1,
            learning_rate=5e-4,
            weight_decay=0.01,
            epochs=5,
            early_stopping_patience=2,
        ),
    ),
)


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UserError: there is none.
    """
    for each in PRESETS:
        if each.name == name:
            return each
    raise UserError(
        f"preset {name!r}", "there is no such preset.", f"Use one of: {', '.join(p.name for p in PRESETS)}."
    )
