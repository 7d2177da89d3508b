"""Which learning rate and rank suit a model, by published rules; and a word where a choice is far off."""

from __future__ import annotations

from typing import Literal

from ft.models.facts import ModelFacts

FULL_FINE_TUNING = 5e-5  # for a hidden size of 2000
LORA_FACTOR = 10
FAR = 3.0  # times over or under the rule: then a person is told
_EXPONENTS = {"llama": 0.781, "qwen": 0.0775}
_PEAKS = ((1e9, 3e-3), (3e9, 5e-4), (20e9, 3e-4), (float("inf"), 1.5e-4))


def lora_rule(facts: ModelFacts) -> float | None:
    """The learning rate of LoRA Without Regret's rule (Thinking Machines, 2025); None for a family unknown to it.

    5e-5 * 10 * (2000 / hidden size) ** p, with p = 0.781 for Llama and 0.0775 for Qwen. It was fitted to LoRA with
    alpha 32 (scale alpha / rank) on 14 models; the numbers are those of the authors' hyperparameter guide for Tinker.
    """
    exponent = next((p for family, p in _EXPONENTS.items() if facts.family.startswith(family)), None)
    if exponent is None:
        return None
    return FULL_FINE_TUNING * LORA_FACTOR * (2000 / facts.hidden_size) ** exponent


def pretraining_peak(facts: ModelFacts) -> float:
    """The peak learning rate with which models of that size were pretrained, for comparison.

    SmolLM2 135M and 360M: 3e-3; SmolLM2 1.7B: 5e-4 (Allal et al. 2025, arXiv 2502.02737). LLaMA 7B and 13B: 3e-4;
    33B and 65B: 1.5e-4 (Touvron et al. 2023, arXiv 2302.13971).
    """
    return next(peak for below, peak in _PEAKS if facts.parameters < below)


def learning_rate_hint(facts: ModelFacts, chosen: float, variant: Literal["lora", "rslora", "dora"] = "lora") -> str:
    """A sentence where `chosen` is three times over or under `lora_rule` or more; else "".

    It says nothing for rslora: the rule was fitted to the scale alpha / rank.
    """
    rule = lora_rule(facts)
    if rule is None or variant == "rslora" or 1 / FAR < chosen / rule < FAR:
        return ""
    times = max(chosen / rule, rule / chosen)
    return (
        f"This model has a hidden size of {facts.hidden_size:,}: LoRA Without Regret's rule gives a learning rate of "
        f"{rate(rule)}. Yours is {rate(chosen)}, {times:.2g} times {'higher' if chosen > rule else 'lower'}. "
        f"(Models of its size were pretrained with a peak near {rate(pretraining_peak(facts))}.)"
    )


def rate_below(known: ModelFacts | None, diverged: float) -> float:
    """A learning rate to try after one at which a run diverged: a third of it, and no more than `lora_rule`.

    Where the rule does not know the model, it is no more than the rule's for a hidden size of 2000. It is the most for
    rslora and DoRA too: their steps are larger, if anything.
    """
    return min(diverged / 3, (known and lora_rule(known)) or FULL_FINE_TUNING * LORA_FACTOR)


def rate_above(known: ModelFacts | None, slow: float) -> float:
    """A learning rate to try after one at which nothing was learnt: three times it, and no less than `lora_rule`."""
    return max(3 * slow, (known and lora_rule(known)) or 0.0)


def rank_hint(facts: ModelFacts, rank: int, trained_layers: int | Literal["all"], trained_tokens: int) -> str:
    """A sentence where the data holds more trained tokens than the adapter has values; else "".

    LoRA learns like full fine-tuning as long as it does not run out of capacity (LoRA Without Regret); the authors'
    rule of thumb for Tinker is at least one value for each trained token.
    """
    share = 1.0 if trained_layers == "all" else min(1.0, trained_layers / facts.layers)
    per_rank = facts.lora_parameters * share
    if not per_rank or trained_tokens <= rank * per_rank:
        return ""
    enough = 2 ** max(0, int(trained_tokens / per_rank)).bit_length()
    advice = f"a rank of {enough} holds them" if enough <= 512 else "raise the rank"
    return (
        f"The data holds {trained_tokens:,} tokens to learn, more than the {int(rank * per_rank):,} values that are "
        f"trained: {advice} (LoRA rank, LoRA Without Regret)."
    )


def rate(value: float) -> str:
    """A learning rate as people write it: "1.3e-3", "2e-4"."""
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"
