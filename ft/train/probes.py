"""The same few questions, asked before training, during and after: what the model has become, in its own words."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from ft.runs.directory import Run
from ft.runs.stopping import is_asked
from ft.train.log import tell
from ft.train.questions import Asked
from ft.train.ranks import processes, rank
from ft.train.told import StoppedEarlyError

NEW_TOKENS = 64  # enough to tell a manner of speaking


class Probes(TrainerCallback):
    """Tells `probe` events: {"step", "replies": [{"question", "reply"}]}, greedy, before the first step, at the first
    validation of every further epoch, and at the end ("kept": of the adapter that is kept). Where the run is to stop
    they are left out."""

    def __init__(self, run: Run, asked: Asked, tokenizer: PreTrainedTokenizerBase) -> None:
        self._run, self._asked, self._tokenizer = run, asked.questions, tokenizer
        ends = {asked.end_of_turn, tokenizer.eos_token_id}
        self._ends = [token for token in ends if token is not None]
        self._epoch = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        self._epoch = int(state.epoch or 0)
        if not state.global_step:
            self._ask(given["model"], 0)
            if is_asked(self._run) and processes() == 1:  # several are stopped together
                raise StoppedEarlyError

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
        replies = [] if is_asked(self._run) else self._replies(model)
        if is_asked(self._run):
            tell(self._run, "doing", what="The sample questions are left out, as it was asked to stop")
        else:
            tell(self._run, "probe", step=step, kept=kept, replies=replies)

    def _replies(self, model: Any) -> list[dict[str, str]]:
        """What the model says now, as `probe` events hold it; cut short where the run is to stop."""
        tell(self._run, "doing", what="Answering the sample questions")
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
                stopping_criteria=StoppingCriteriaList([_AskedToStop(self._run)]),
            )[:, width:].tolist()
        finally:
            model.train(training)
        replies = []
        for (question, _), row in zip(self._asked, out, strict=True):
            end = next((place for place, token in enumerate(row) if token in self._ends), None)
            text = str(self._tokenizer.decode(row if end is None else row[:end], skip_special_tokens=True)).strip()
            replies.append({"question": question, "reply": text + ("" if end is not None else " …")})
        return replies


class _AskedToStop(StoppingCriteria):
    """Ends all replies as soon as the run is to stop."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full((len(input_ids),), is_asked(self._run), device=input_ids.device)
