"""Files -> a dataset version: convert into a staging folder first, look at the report, then save it under a name."""

from __future__ import annotations

import errno
import hashlib
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from formats.convert import FORMATS
from ft.dataset import held_out, parquet, split
from ft.dataset.staging import Staged, discard, disk_error, gone, open_staged, remove_old, staging_dir, write_json
from ft.dataset.tally import Tally
from ft.dataset.versions import Version, check_name, list_versions, next_version
from ft.errors import UserError
from ft.home import datasets_dir

__all__ = ["SourceFile", "Staged", "discard", "open_staged", "save", "stage"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to convert: where it lies, and the name the person knows it by."""

    path: Path
    name: str


def stage(
    files: Sequence[SourceFile],
    *,
    format: str = "auto",
    validation_fraction: float = 0.1,
    progress: Callable[[int], None] | None = None,
) -> Staged:
    """Convert `files` into $SIDETUNE_HOME/datasets/.staging/<id>/; `progress` is told how many records were read.

    The report is {"dataset", "version", "format" ("mixed" where the files differ), "formats": {file: format}, "read",
    "kept", "repaired": {code: records}, "rejected": {code: records}, "duplicates", "splits": {"train", "validation"},
    "problems": the first 100 rejections as {"file", "record", "turn", "field", "code", "problem", "fix"},
    "files": [{"name", "format", "reason", "read", "kept"}]}, with read == kept + sum(rejected). A file that cannot be
    read (any further) is one rejection, with record 0. Duplicates are counted, and kept.

    Raises:
        UserError: no file, no such format, nothing that can be used, or no room on the disk; nothing is left behind.
    """
    if format not in ("auto", *FORMATS):
        raise UserError(f"format {format!r}", "there is no such format.", f"Use auto or one of: {', '.join(FORMATS)}.")
    files = _distinct(files)
    if not files:
        raise UserError("no file", "there is nothing to convert.", "Choose a .json or .jsonl file of chats.")
    for file in files:
        if not file.path.is_file():
            why = "it is a folder." if file.path.is_dir() else "there is no such file."
            raise UserError(file.name, why, "Choose a .json or .jsonl file of chats.")
    remove_old()
    path = staging_dir() / secrets.token_hex(8)
    try:
        path.mkdir(parents=True)
        tally = Tally(format, validation_fraction)
        with (
            (path / "rejected.jsonl").open("w", encoding="utf-8", errors="backslashreplace") as rejected,
            parquet.ConversationWriter(path / parquet.FILE_NAME) as writer,
        ):
            for file in files:
                tally.convert(file.path, file.name, writer, rejected, progress)
        tally.require_some()
        boundary = tally.boundary()
        if boundary != validation_fraction:
            parquet.resplit(path / parquet.FILE_NAME, lambda each: split.side(each, boundary))
        report = tally.report(parquet.side_counts(path / parquet.FILE_NAME))
        write_json(path / "source.json", _source(files, format, validation_fraction, boundary))
        write_json(path / "report.json", report)
        return Staged(path, report)
    except BaseException as error:  # also Ctrl-C: a half-written folder is never left behind
        shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, OSError):
            raise disk_error(error, "convert") from error
        raise


def save(staged: Staged, name: str) -> Version:
    """Make `staged` the next version of the dataset `name`; openings held out in earlier versions stay held out.

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
            splits = parquet.side_counts(staged.path / parquet.FILE_NAME)
            write_json(
                staged.path / "report.json", {**staged.report, "dataset": name, "version": version, "splits": splits}
            )
            try:
                staged.path.rename(folder / version)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process took that number meanwhile
                    continue
                raise
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
    places = held_out.earlier(versions[0], source["boundary"])
    if places:
        held_out.apply(staged.path / parquet.FILE_NAME, source["boundary"], places)
        write_json(staged.path / "source.json", {**source, "held_out": sorted(places)})


def _distinct(files: Sequence[SourceFile]) -> list[SourceFile]:
    """`files` with names that differ, so that a problem points at one file alone, and that can be written as UTF-8."""
    taken: dict[str, int] = {}
    distinct = []
    for file in files:
        name = file.name.encode("utf-8", "replace").decode()
        taken[name] = taken.get(name, 0) + 1
        distinct.append(SourceFile(file.path, name if taken[name] == 1 else f"{name} ({taken[name]})"))
    return distinct


def _source(files: Sequence[SourceFile], format: str, fraction: float, boundary: float) -> dict[str, Any]:
    """`held_out`: positions of openings held out beyond `boundary` because an earlier version held them out."""
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="microseconds"),
        "files": [{"name": f.name, "bytes": f.path.stat().st_size, "sha256": _sha256(f.path)} for f in files],
        "format": format,
        "validation_fraction": fraction,
        "boundary": boundary,
        "held_out": [],
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
