"""How a step is divided into the batches that go through the model at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ft.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Batch:
    """`size` conversations at once, `accumulation` times a step: a step is `size * accumulation` conversations."""

    size: int
    accumulation: int

    @property
    def rows_a_step(self) -> int:
        return self.size * self.accumulation

    def smaller(self) -> Batch | None:
        """The same step in batches of at most half the size; None where one conversation at once is all there is."""
        for size in range(self.size // 2, 0, -1):
            if self.rows_a_step % size == 0:
                return Batch(size, self.rows_a_step // size)
        return None


def batch_of(config: TrainConfig, found: list[dict[str, Any]]) -> Batch:
    """The batch that a run goes on with: its config's, or a smaller one where its events say that memory ran out."""
    for event in reversed(found):
        if event["kind"] == "smaller_batch":
            return Batch(event["batch_size"], event["gradient_accumulation"])
    return Batch(config.batch_size, config.gradient_accumulation)


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, of the GPU or of the machine."""
    text = str(error).lower()
    # oneDNN says no more than that where it finds no memory for its own.
    return (
        text == "could not create a primitive"
        or isinstance(error, MemoryError)
        or any(
            words in text
            for words in ("out of memory", "can't allocate memory", "bad_alloc", "could not create a memory")
        )
    )
