"""Delete a run, or a dataset that no run needs."""

from __future__ import annotations

import os
import secrets
import shutil

from ft.dataset import remove
from ft.errors import UserError
from ft.runs import directory
from ft.runs.directory import Run
from ft.runs.status import is_locked, status


def delete(run: Run) -> None:
    """Remove the run's directory with its checkpoints and adapter; a damaged one too. It takes no room on the disk.

    Raises:
        UserError: the run is going, or its folder may not be removed, or not all of it.
    """
    state = _live_state(run)
    if state:
        raise UserError(f"run {run.title}", f"it is {state}.", "Stop it first.")
    doomed = run.path.with_name(f".{run.id}.{secrets.token_hex(4)}.deleted")
    try:
        os.replace(run.path, doomed)
    except OSError as error:
        raise UserError(
            f"the folder {run.path}",
            f"it cannot be removed: {error.strerror or error}.",
            "Mend the permissions of the folder that it is in, or remove it by hand.",
        ) from error
    for left in run.path.parent.glob(".*.deleted"):  # also what a killed process left
        shutil.rmtree(left, ignore_errors=True)
    if doomed.exists():
        why = "it is no longer listed, but not all of its files could be removed."
        raise UserError(f"run {run.title}", why, f"Remove what is left by hand: {doomed}")


def _live_state(run: Run) -> str:
    """The state of a run that is going; "" where it is not, as far as can be read."""
    try:
        now = status(run)
    except UserError:
        return "running" if is_locked(run) else ""
    return now.state if now.live else ""


def trained_on(dataset: str) -> list[Run]:
    """The runs on any version of the dataset of that name, newest first, of those that can be read."""
    return [run for run in directory.list_runs() if run.config.dataset == dataset]


def delete_dataset(name: str) -> None:
    """Remove all versions of a dataset. Runs that have ended stay: only resuming and repeating them needs the dataset.

    Raises:
        UserError: there is no such dataset, a run on it is going, or its folder may not be removed.
    """
    going = [run for run in trained_on(name) if _live_state(run)]
    if going:
        raise UserError(f"dataset {name!r}", f"run {going[0].title} is training on it.", "Stop the run first.")
    remove.remove(name)
