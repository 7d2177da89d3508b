"""Two replies to one prompt, as values, and as the JSON that the command line and the API give out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["", "stop", "length"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One model's reply so far. `seconds` runs from the prompt to its last token; `reason` says why it ended."""

    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    done: bool = False
    reason: Reason = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """The base model's reply and the tuned model's, at one moment.

    `base_is_base`: on a fixed probe, the base pane's model gave the logits that the base model gave before any adapter
    was on it, to the bit. `first_token_kl`: KL(tuned || base) of the first token in nats, None where the two were asked
    different things (their histories differ). `caution`: what to know of the run, "" where there is nothing.
    """

    base: Reply
    tuned: Reply
    base_is_base: bool
    first_token_kl: float | None = None
    seconds: float = 0.0
    caution: str = ""

    @property
    def done(self) -> bool:
        return self.base.done and self.tuned.done


def as_json(pair: Pair) -> dict[str, Any]:
    """{"base": {"text", "tokens", "seconds", "ended"}, "tuned": {...}, "seconds", "base_is_base", "first_token_kl",
    "caution"}."""

    def one(reply: Reply) -> dict[str, Any]:
        return {"text": reply.text, "tokens": reply.tokens, "seconds": round(reply.seconds, 3), "ended": reply.reason}

    return {
        "base": one(pair.base),
        "tuned": one(pair.tuned),
        "seconds": round(pair.seconds, 3),
        "base_is_base": pair.base_is_base,
        "first_token_kl": pair.first_token_kl,
        "caution": pair.caution,
    }
