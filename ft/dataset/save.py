"""A staged conversion or edit -> the next version of a dataset."""

from __future__ import annotations

import errno
from contextlib import suppress

from ft.dataset import held_out, parquet
from ft.dataset.staging import Staged, disk_error, forget_states, gone, write_json
from ft.dataset.versions import CURRENT, Version, check_name, list_versions, next_version
from ft.files import remove, to_disk
from ft.home import datasets_dir


def save(staged: Staged, name: str) -> Version:
    """Make `staged` the next version of the dataset `name`; openings held out in earlier versions stay held out.

    The new version is the one in use.

    Raises:
        UserError: the name cannot be used, `staged` is gone, or the disk is full. All that was there stays, and
            `staged` with it, so that it can be saved once there is room.
    """
    check_name(name)
    if not staged.path.is_dir():
        raise gone(staged.id)
    folder = datasets_dir() / name
    was_there = folder.exists()
    try:
        _hold_out_as_before(staged, name)
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            version = next_version(name)
            splits = parquet.side_counts(staged.conversations_path)
            write_json(
                staged.path / "report.json", {**staged.report, "dataset": name, "version": version, "splits": splits}
            )
            forget_states(staged)
            to_disk(*staged.path.iterdir(), staged.path)  # before it has its name: a power cut leaves no empty version
            try:
                staged.path.rename(folder / version)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process took that number meanwhile
                    continue
                raise
            to_disk(folder, folder.parent)
            remove(folder / CURRENT)
            return Version(name, version, folder / version)
    except OSError as error:
        if not was_there:
            with suppress(OSError):
                folder.rmdir()
        raise disk_error(error, "save the dataset") from error


def _hold_out_as_before(staged: Staged, name: str) -> None:
    versions, source = list_versions(name), staged.source
    if not versions or not source["validation_fraction"]:  # a fraction of 0 says: train on everything
        return
    places = held_out.earlier(versions, source["boundary"])
    if places - set(source["held_out"]):
        held_out.apply(staged.conversations_path, places)
        write_json(staged.path / "source.json", {**source, "held_out": sorted(places | set(source["held_out"]))})
