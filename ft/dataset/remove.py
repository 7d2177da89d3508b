"""A dataset -> gone, with all of its versions."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from ft.dataset.staging import disk_error, staging_dir
from ft.dataset.versions import check_name, last_number, remember_number
from ft.errors import UserError
from ft.home import datasets_dir


def require_folder(name: str) -> None:
    """Raise UserError unless there is a dataset of that name, whole or damaged."""
    check_name(name)
    if not (datasets_dir() / name).is_dir():
        raise _nothing(name)


def remove(name: str) -> None:
    """Delete the dataset `name`, a damaged one too. What was combined or exported from it stays.

    Raises:
        UserError: there is no such dataset, or its folder may not be removed: then all of it stays, or it is said where
            what is left of it lies.
    """
    require_folder(name)
    folder = datasets_dir() / name
    if folder.is_symlink():
        why = f"its folder is a link to {folder.resolve()}, which may not be Sidetune's alone."
        raise UserError(f"dataset {name!r}", why, f"Remove the link by hand: {folder}")
    last = last_number(name)
    # A full disk is no reason to keep what would make room: then the number is written down afterwards.
    remembered = _remember(name, last)
    # Gone at once; what a killed process leaves there makes way in a day.
    doomed = _place(name)
    try:
        folder.rename(doomed)
    except FileNotFoundError as error:  # another process was faster
        raise _nothing(name) from error
    except OSError as error:
        raise disk_error(error, "delete the dataset") from error
    shutil.rmtree(doomed, ignore_errors=True)
    if not remembered:
        _remember(name, last)
    if doomed.exists():
        why = "it is no longer listed, but not all of its files could be removed."
        raise UserError(f"dataset {name!r}", why, f"Remove what is left by hand: {doomed}")


def _remember(name: str, last: int) -> bool:
    try:
        remember_number(name, last)
        return True
    except OSError:
        return False


def _place(name: str) -> Path:
    """Where the folder goes, out of the list; beside the others where there is no room for the usual place."""
    doomed = f"{name}.{secrets.token_hex(4)}.deleted"
    try:
        staging_dir().mkdir(exist_ok=True)
        return staging_dir() / doomed
    except OSError:
        return datasets_dir() / f".{doomed}"


def _nothing(name: str) -> UserError:
    return UserError(f"dataset {name!r}", "there is no dataset of that name.", "See: sidetune datasets")
