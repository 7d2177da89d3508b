"""Named recipes: a preset is a TrainConfig, with the source of its numbers, that may fit itself to a model's size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ft.config import DEFAULT_MODEL, TrainConfig, length_within, require_layers, require_positions
from ft.errors import UserError
from ft.models import device, facts
from ft.models.facts import ModelFacts
from ft.models.learning_rate import lora_rule

Fit = Callable[[ModelFacts], dict[str, Any]]


def _as_it_is(_: ModelFacts) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Preset:
    """`name` for a script, `title` and `about` for a person, `source` says where the numbers come from.

    `config` holds where nothing is known of the model; `fit` gives the settings that depend on its size.
    """

    name: str
    title: str
    about: str
    source: str
    config: TrainConfig
    fit: Fit = _as_it_is

    def for_model(self, known: ModelFacts | None) -> TrainConfig:
        """The preset for a model of which that is known, no longer than it reads; as it is where nothing is known."""
        if known is None:
            return self.config
        longest = length_within(self.config, known.positions)
        return self.config.with_settings({"max_length": longest, **self.fit(known)})


def _rate_by_rule(known: ModelFacts) -> dict[str, Any]:
    """LoRA Without Regret's learning rate, to three digits; none for a family that the rule was not fitted to."""
    rule = lora_rule(known)
    return {} if rule is None else {"learning_rate": float(f"{rule:.3g}")}


def _few_layers(known: ModelFacts) -> dict[str, Any]:
    """The last eight layers, and never more than the upper half."""
    return {"trained_layers": max(1, min(8, known.layers // 2)), **_rate_by_rule(known)}


def _guanaco(known: ModelFacts) -> dict[str, Any]:
    """QLoRA, table 9: 7B and 13B as the preset is, 33B and 65B with half the rate and half the dropout."""
    return {"learning_rate": 1e-4, "lora_dropout": 0.05} if known.parameters > 20e9 else {}


PRESETS: tuple[Preset, ...] = (
    Preset(
        "cpu",
        "CPU",
        "A small model on a machine without a GPU: minutes, small batches, a high learning rate.",
        "Measured on the bundled sample with the embedded model on 2 cores; rank and alpha after LoRA Without Regret "
        "(Thinking Machines, 2025). No dropout: on a CPU its random numbers take a quarter of the time.",
        TrainConfig(
            learning_rate=1e-3, lora_rank=16, lora_alpha=32, lora_dropout=0.0, epochs=3, batch_size=4, max_length=512
        ),
    ),
    Preset(
        "quick-look",
        "Quick look",
        "Twenty steps, in minutes: does it run, does the loss fall? Not a finished model.",
        "The CPU preset, cut short; learning rate by the rule of LoRA Without Regret (Thinking Machines, 2025).",
        TrainConfig(
            learning_rate=5e-4,
            lora_rank=16,
            lora_alpha=32,
            lora_dropout=0.0,
            max_steps=20,
            batch_size=4,
            max_length=512,
        ),
        _rate_by_rule,
    ),
    Preset(
        "lora-without-regret",
        "LoRA without regret",
        "LoRA that learns like full fine-tuning: all layers, small batches, a learning rate that fits the model and "
        "stays the same. For any size of model and data.",
        "Thinking Machines 2025, LoRA Without Regret: all linear layers, alpha 32, constant rate of 5e-5 · 10 · "
        "(2000 / hidden size)^p with p 0.781 (Llama) or 0.0775 (Qwen), batches under 32; more data needs a higher "
        "rank. Rank 32 is their Tinker's default. Epochs and early stopping are ours.",
        TrainConfig(
            lora_rank=32,
            lora_alpha=32,
            lora_dropout=0.0,
            learning_rate=5e-4,
            schedule="constant",
            warmup_ratio=0.0,
            batch_size=4,
            gradient_accumulation=2,
            epochs=3,
            max_length=1024,
        ),
        _rate_by_rule,
    ),
    Preset(
        "guanaco",
        "Guanaco",
        "QLoRA as its authors trained Guanaco: 1,875 steps of 16, for a GPU and thousands of conversations. From "
        "20 billion parameters on, half the learning rate and dropout, as theirs of 33B and 65B.",
        "Dettmers et al. 2023, QLoRA, arXiv 2305.14314, appendix B: NF4 with double quantisation, all linear layers.",
        TrainConfig(
            lora_rank=64,
            lora_alpha=16,
            lora_dropout=0.1,
            learning_rate=2e-4,
            schedule="constant",
            warmup_ratio=0.03,
            adam_beta2=0.999,
            max_grad_norm=0.3,
            batch_size=4,
            gradient_accumulation=4,
            max_steps=1875,
            max_length=512,
        ),
        _guanaco,
    ),
    Preset(
        "small-data",
        "Small data",
        "Under a few hundred conversations: only the last layers learn, at a low rank, and it stops early.",
        "Freezing all but the last layers and a low rank against over-fitting; learning rate by the rule of LoRA "
        "Without Regret (Thinking Machines, 2025).",
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
        _few_layers,
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


def default_name() -> str:
    """The preset that suits this machine where none is asked for."""
    return "lora-without-regret" if device.describe().kind == "cuda" else "cpu"


def configure(name: str, settings: Mapping[str, Any], ask_hub: bool = True) -> TrainConfig:
    """The preset of that name ("": `default_name`), fitted to the model of `settings`, with `settings` changed.

    The command line, the API and the page all start with this. With `ask_hub` it may fetch the model's config.json.

    Raises:
        UserError: there is no such preset or setting, or a value does not fit (or not this model).
    """
    known = facts.of(str(settings.get("model") or DEFAULT_MODEL), ask_hub)
    config = preset(name or default_name()).for_model(known).with_settings(settings)
    if known is not None:
        require_layers(config, known.layers)
        require_positions(config, known.positions)
    return config
