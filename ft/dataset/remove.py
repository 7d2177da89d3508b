"""A dataset -> gone, with all of its versions."""

from __future__ import annotations

import shutil

from ft.dataset.staging import disk_error, staging_dir
from ft.dataset.versions import check_name
from ft.errors import UserError
from ft.home import datasets_dir


def remove(name: str) -> None:
    """Delete the dataset `name`, a damaged one too. What was combined or exported from it stays.

    Raises:
        UserError: there is no such dataset, or its folder may not be removed; then all of it stays.
    """
    check_name(name)
    folder = datasets_dir() / name
    if not folder.is_dir():
        raise UserError(f"dataset {name!r}", "there is no dataset of that name.", "See: sidetune datasets")
    doomed = staging_dir() / f"{name}.deleted"  # gone at once; what a killed process leaves makes way there in a day
    try:
        shutil.rmtree(doomed, ignore_errors=True)
        doomed.parent.mkdir(exist_ok=True)
        folder.rename(doomed)
    except OSError as error:
        raise disk_error(error, "delete the dataset") from error
    shutil.rmtree(doomed, ignore_errors=True)
