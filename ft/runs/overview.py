"""All runs at once, as a list shows them: the damaged ones are named, and hide none of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ft.errors import UserError
from ft.runs import directory
from ft.runs.directory import Run
from ft.runs.status import summary

DAMAGED = "damaged"  # the status of a run that cannot be read


@dataclass(frozen=True, slots=True)
class Overview:
    """`summaries`: of the runs, newest first, as `ft.runs.status.summary` gives them. `damaged`: (id, why) of the
    others."""

    summaries: tuple[dict[str, Any], ...]
    damaged: tuple[tuple[str, UserError], ...]

    @property
    def ids(self) -> list[str]:
        """The ids of all: those that can be read first."""
        return [*(figures["run"] for figures in self.summaries), *(run_id for run_id, _ in self.damaged)]

    def as_json(self) -> list[dict[str, Any]]:
        """The summaries, and after them one for each damaged run: its status is "damaged", and its figures are null."""
        return [*self.summaries, *(_damaged(run_id, why) for run_id, why in self.damaged)]


def overview(summary: Callable[[Run], dict[str, Any]] = summary) -> Overview:
    """All runs as they are on disk now; `summary` gives that of one, where somebody keeps them."""
    summaries = []
    runs, damaged = directory.survey()
    for run in runs:
        try:
            summaries.append(summary(run))
        except UserError as error:
            damaged.append((run, error))
    return Overview(tuple(summaries), tuple((run.id, why) for run, why in damaged))


def _damaged(run_id: str, why: UserError) -> dict[str, Any]:
    unknown = (
        *("dataset", "version", "model", "created", "step", "steps", "seconds_left", "tokens_per_second"),
        *("trained_tokens", "loss", "validation_loss_before", "validation_loss_after", "best_step", "adapter"),
        "peak_memory_bytes",
    )
    lists: dict[str, list[Any]] = {"remarks": [], "advice": []}
    named = {"run": run_id, "name": directory.name_of(run_id)}
    return {**named, "status": DAMAGED, "message": str(why), **dict.fromkeys(unknown), **lists}
