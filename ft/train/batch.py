"""How a step is divided into the batches that go through the model at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ft.config import TrainConfig, require_even_share


@dataclass(frozen=True, slots=True)
class Batch:
    """`size` conversations at once, `accumulation` times a step, in each of `processes` that train together."""

    size: int
    accumulation: int
    processes: int = 1

    @property
    def rows_a_step(self) -> int:
        return self.size * self.accumulation * self.processes

    def smaller(self) -> Batch | None:
        """The same step in batches of at most half the size; None where one conversation at once is all there is."""
        return divided(self.rows_a_step, self.size // 2, self.processes)


def divided(rows: int, at_most: int, processes: int = 1) -> Batch | None:
    """A step of `rows` conversations in the largest batches of one size, up to `at_most`; None where it has none."""
    for size in range(at_most, 0, -1):
        if rows % (size * processes) == 0:
            return Batch(size, rows // (size * processes), processes)
    return None


def batch_of(config: TrainConfig, found: list[dict[str, Any]], processes: int = 1) -> Batch:
    """How a run goes on: a step has the conversations that its config says, however many `processes` divide it, in
    batches of its config's size, or of a smaller one where its events say that memory ran out.

    Raises:
        UserError: a step's conversations cannot be divided among so many processes.
    """
    require_even_share(config, processes)
    told = (event["batch_size"] for event in reversed(found) if event["kind"] == "smaller_batch")
    batch = divided(config.batch_size * config.gradient_accumulation, next(told, config.batch_size), processes)
    assert batch is not None
    return batch
