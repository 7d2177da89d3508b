"""One model's reply, token by token, with a key-value cache of its own."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ft.chat.pair import Reason, Reply

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Forward = Callable[..., Any]


class Stream:
    """Writes one reply to `prompt_ids`. Each `step` runs `forward` once, with a batch of one, so that what it writes
    does not depend on what is written beside it. `model` says how it is called; `forward` may be it with an adapter."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        prompt_ids: list[int],
        stop_ids: frozenset[int],
        *,
        max_new_tokens: int,
        temperature: float,
        top_p: float,
        seed: int,
        model: PreTrainedModel,
    ) -> None:
        import torch
        from transformers import DynamicCache, LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

        self.tokenizer, self.stop_ids, self.max_new_tokens = tokenizer, stop_ids, max_new_tokens
        self.sample = temperature > 0
        self._warpers = LogitsProcessorList()
        if self.sample:
            self._warpers.append(TemperatureLogitsWarper(temperature))
            if top_p < 1:
                self._warpers.append(TopPLogitsWarper(top_p))
        self._random = torch.Generator(device=model.device).manual_seed(seed)
        self._next = torch.tensor([prompt_ids], device=model.device)
        # transformers 5.24 gave the argument a new name, and will not know the old one for ever.
        known = inspect.signature(model.forward).parameters
        self._cache = {"cache" if "cache" in known else "past_key_values": DynamicCache(config=model.config)}
        self._ids: list[int] = []
        self._begun = time.monotonic()
        self._seconds = 0.0
        self.reason: Reason = ""
        self.first_logits: torch.Tensor | None = None

    def step(self, forward: Forward) -> None:
        """Write one more token, unless the reply has ended."""
        import torch

        if self.reason:
            return
        with torch.inference_mode():
            out = forward(input_ids=self._next, **self._cache, use_cache=True, logits_to_keep=1)
            logits = out.logits[:, -1].float()
            if self.first_logits is None:
                self.first_logits = logits[0]
            if self.sample:
                nothing_yet: Any = torch.empty(1, 0, dtype=torch.long)  # these warpers look at the logits alone
                chances = self._warpers(nothing_yet, logits).softmax(-1)
                token = torch.multinomial(chances, 1, generator=self._random)
            else:
                token = logits.argmax(-1, keepdim=True)
        self._next = token
        number = int(token)
        self._seconds = time.monotonic() - self._begun
        if number in self.stop_ids:
            self.reason = "stop"
            return
        self._ids.append(number)
        if len(self._ids) >= self.max_new_tokens:
            self.reason = "length"

    def reply(self) -> Reply:
        """The reply so far. A character whose last bytes are still to come is left out until they are there."""
        text = str(self.tokenizer.decode(self._ids, skip_special_tokens=True))
        if not self.reason:
            text = text.rstrip("\ufffd")
        return Reply(text, len(self._ids), self._seconds, bool(self.reason), self.reason)


def divergence(tuned: torch.Tensor | None, base: torch.Tensor | None) -> float | None:
    """KL(tuned || base) in nats of two tokens' logits (a vector each); None while one is not known."""
    if tuned is None or base is None:
        return None
    p, q = tuned.log_softmax(-1), base.log_softmax(-1)
    return float((p.exp() * (p - q)).sum())
