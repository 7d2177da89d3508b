"""What of a run can be talked to: its finished adapter, and its checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from ft.errors import UserError
from ft.runs import directory
from ft.runs.checkpoints import folders
from ft.runs.directory import Run
from ft.runs.status import how_diverged

BEST = "best"


def checkpoints(run: Run) -> list[str]:
    """What can be talked to in `run`: "best" (the finished adapter) first, then its checkpoints, newest first."""
    newest_first = reversed(folders(run.checkpoints))
    found = [path.name for path in newest_first if _has_adapter(path)]
    return ([BEST] if _has_adapter(run.adapter) else []) + found


def _has_adapter(folder: Path) -> bool:
    return os.path.isfile(folder / "adapter_model.safetensors")  # and false where the folder may not be looked into


def find(run_id: str, checkpoint: str) -> tuple[Run, str]:
    """The run, and which of its `checkpoints` is meant ("": the first of them).

    Raises:
        UserError: there is no such run or checkpoint yet.
    """
    run = directory.find(run_id)
    there = checkpoints(run)
    if not there:
        how = how_diverged(run)
        raise UserError(
            f"run {run.title}",
            "it diverged before its first checkpoint." if how else "it has no adapter yet.",
            how or "Wait for its first checkpoint, or resume it if it was interrupted.",
        )
    if checkpoint and checkpoint not in there:
        raise UserError(
            f"checkpoint {checkpoint!r} of run {run.title}",
            "it is not there (any more).",
            f"Use one of: {', '.join(there)}.",
        )
    return run, checkpoint or there[0]


def adapter_path(run: Run, checkpoint: str) -> Path:
    """The folder of that checkpoint's adapter."""
    return run.adapter if checkpoint == BEST else run.checkpoints / checkpoint
