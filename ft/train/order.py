"""The order in which conversations are trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

STEPS_A_POOL = 50  # so many steps' rows are sorted together: long enough to pad little, short enough to stay random


class StepOrder(Sampler[int]):
    """Row numbers, so that the rows of one step have about the same length and little is padded.

    The order depends on `lengths` (tokens a row), `rows_a_step`, `seed` and the epoch alone, not on torch's random
    state, on how a step is divided into batches, or among processes: a run that is resumed, that goes on with smaller
    batches, or that trains on several devices sees the same rows in the same step. The first step of all is the one
    with the longest row, so that what does not fit into memory shows at once.

    An epoch is filled up to a multiple of `together` rows, those that go through the model at once in all processes,
    with the number len(lengths): a row of that number has to be there, and nothing in it to be learnt.
    """

    def __init__(self, lengths: Sequence[int], rows_a_step: int, seed: int, together: int = 1) -> None:
        self._lengths = torch.tensor(lengths)
        self._rows_a_step, self._seed, self._together, self._epoch = rows_a_step, seed, together, 0

    def __len__(self) -> int:
        return len(self._lengths) + self._blanks

    @property
    def _blanks(self) -> int:
        return -len(self._lengths) % self._together

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-len(self._lengths) // self._rows_a_step)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of pass number `epoch` (0: the first) for the next iteration."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        rows = torch.randperm(len(self._lengths), generator=generator)
        left = len(rows) % self._rows_a_step
        rest, rows = rows.split([left, len(rows) - left])
        steps = []
        for pool in rows.split(self._rows_a_step * STEPS_A_POOL) if len(rows) else ():
            steps += self._longest_first(pool).split(self._rows_a_step)
        order = torch.randperm(len(steps), generator=generator).tolist()
        if self._epoch == 0 and steps:
            longest = max(order, key=lambda step: int(self._lengths[steps[step][0]]))
            order.insert(0, order.pop(order.index(longest)))
        for step in order:
            yield from steps[step].tolist()
        yield from self._longest_first(rest).tolist()
        yield from [len(self._lengths)] * self._blanks

    def _longest_first(self, rows: torch.Tensor) -> torch.Tensor:
        return rows[self._lengths[rows].argsort(descending=True, stable=True)]


class TellEpoch(TrainerCallback):
    """Tells the order which epoch begins.

    The trainer does so too, but where several processes go on in the middle of an epoch, accelerate's loaders do not
    pass it on.
    """

    def __init__(self, order: StepOrder) -> None:
        self._order = order

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._order.set_epoch(state.global_step // self._order.steps)
