"""The same few questions, asked before training, during and after: what the model has become, in its own words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from formats.conversation import Conversation
from ft.runs.directory import Run
from ft.template.messages import template_messages
from ft.template.render import Renderer
from ft.train.log import tell
from ft.train.ranks import rank

NEW_TOKENS = 64  # enough to tell a manner of speaking
LONGEST_PROMPT = 256  # tokens: a longer one would take longer than it tells


def questions(conversations: Iterable[Conversation], renderer: Renderer, many: int) -> list[tuple[str, list[int]]]:
    """The first `many` different openings that end with a user's turn, each with the tokens that ask for the reply.

    Conversations with tools and long openings are passed over.
    """
    found: dict[str, list[int]] = {}
    for conversation in conversations:
        if len(found) == many:
            break
        roles = [message.role for message in conversation.messages]
        opening = conversation.messages[: roles.index("assistant")] if "assistant" in roles else ()
        if not opening or opening[-1].role != "user" or conversation.tools or opening[-1].content in found:
            continue
        rows, _ = template_messages(opening, (), renderer.native_tools)
        prompt = renderer.prompt(rows)
        if len(prompt) <= LONGEST_PROMPT:
            found[opening[-1].content] = prompt
    return list(found.items())


class Probes(TrainerCallback):
    """Tells `probe` events: {"step", "replies": [{"question", "reply"}]}, greedy, before the first step, at the first
    validation of every further epoch, and at the end ("kept": of the adapter that is kept)."""

    def __init__(self, run: Run, asked: list[tuple[str, list[int]]], renderer: Renderer) -> None:
        self._run, self._asked, self._tokenizer = run, asked, renderer.tokenizer
        ends = {renderer.end_of_turn(), self._tokenizer.eos_token_id}
        self._ends = [token for token in ends if token is not None]
        self._epoch = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        self._epoch = int(state.epoch or 0)
        if not state.global_step:
            self._ask(given["model"], 0)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        if state.global_step and int(state.epoch or 0) > self._epoch and state.global_step < state.max_steps:
            self._epoch = int(state.epoch or 0)
            self._ask(given["model"], state.global_step)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any) -> None:
        self._ask(given["model"], state.best_global_step or state.global_step, kept=True)

    @torch.no_grad()
    def _ask(self, model: Any, step: int, kept: bool = False) -> None:
        if not self._asked or rank():
            return
        width = max(len(prompt) for _, prompt in self._asked)
        pad = self._tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for _, prompt in self._asked])
        seen = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for _, prompt in self._asked])
        training = model.training
        model.eval()
        try:
            out = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=seen.to(model.device),
                do_sample=False,
                max_new_tokens=NEW_TOKENS,
                eos_token_id=self._ends,
                pad_token_id=pad,
            )[:, width:].tolist()
        finally:
            model.train(training)
        replies = []
        for (question, _), row in zip(self._asked, out, strict=True):
            end = next((place for place, token in enumerate(row) if token in self._ends), None)
            text = str(self._tokenizer.decode(row if end is None else row[:end], skip_special_tokens=True)).strip()
            replies.append({"question": question, "reply": text + ("" if end is not None else " …")})
        tell(self._run, "probe", step=step, kept=kept, replies=replies)
