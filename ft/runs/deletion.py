"""Delete a run, or a dataset that no run needs."""

from __future__ import annotations

import os
import shutil

from ft.dataset import remove
from ft.errors import UserError
from ft.runs import directory
from ft.runs.directory import Run
from ft.runs.status import status


def delete(run: Run) -> None:
    """Remove the run's directory with its checkpoints and adapter.

    Raises:
        UserError: the run is going, or its folder may not be removed.
    """
    now = status(run)
    if now.live:
        raise UserError(f"run {run.id}", f"it is {now.state}.", "Stop it first.")
    doomed = run.path.with_name(f".{run.id}.deleted")
    try:
        os.replace(run.path, doomed)
    except OSError as error:
        raise UserError(
            f"the folder {run.path}",
            f"it cannot be removed: {error.strerror or error}.",
            "Mend the permissions of the folder that it is in, or remove it by hand.",
        ) from error
    shutil.rmtree(doomed, ignore_errors=True)


def trained_on(dataset: str) -> list[Run]:
    """The runs on any version of the dataset of that name, newest first."""
    return [run for run in directory.list_runs() if run.config.dataset == dataset]


def delete_dataset(name: str) -> None:
    """Remove all versions of a dataset. Runs that have ended stay: only resuming and repeating them needs the dataset.

    Raises:
        UserError: there is no such dataset, a run on it is going, or its folder may not be removed.
    """
    going = [run for run in trained_on(name) if status(run).live]
    if going:
        raise UserError(f"dataset {name!r}", f"run {going[0].id} is training on it.", "Stop the run first.")
    remove.remove(name)
