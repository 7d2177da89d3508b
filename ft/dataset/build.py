"""Files -> a dataset version: convert into a staging folder first, look at the report, then save it under a name."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from formats.convert import DEFAULT, FORMATS
from formats.reading import Reading
from ft.dataset import held_out, parquet
from ft.dataset.readers import Readers
from ft.dataset.save import save
from ft.dataset.split import SMALL, boundary
from ft.dataset.staging import Staged, discard, follow, new_folder, open_staged, write_json
from ft.dataset.tally import Tally, line
from ft.errors import UserError
from ft.files import hexdigest

__all__ = ["SourceFile", "Staged", "discard", "open_staged", "save", "stage"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to convert: where it lies, the name the person knows it by, and where it was fetched from, if it was."""

    path: Path
    name: str
    url: str = ""


def stage(
    files: Sequence[SourceFile],
    *,
    reading: Reading = DEFAULT,
    validation_fraction: float = 0.1,
    progress: Callable[[int], None] | None = None,
    processes: int | None = None,
) -> Staged:
    """Convert `files` into $SIDETUNE_HOME/datasets/.staging/<id>/; `progress` is told how many records were read.

    They are read in `processes` of their own (None: one for each core), which have limits of memory and time.

    The report is {"dataset", "version", "format" ("mixed" where the files differ), "formats": {file: format}, "read",
    "kept", "repaired": {code: records}, "rejected": {code: records}, "duplicates", "splits": {"train", "validation"},
    "problems": the first 100 rejections as {"file", "record", "turn", "field", "code", "problem", "fix"},
    "files": [{"name", "format", "reason", "read", "kept"}], and what `formats.notes.Notes` tells: "found",
    "placeholders", "with_placeholders", "ignored", "examples": {code: [{"file", "record", "before", "after"}]}}, with
    read == kept + sum(rejected). A file that cannot be read (any further) is one rejection, with record 0. Duplicates
    are counted, and kept.

    Raises:
        UserError: no file, no such format, nothing that can be used, or no room on the disk; nothing is left behind.
    """
    if reading.format not in ("auto", *FORMATS):
        raise UserError(
            f"format {reading.format!r}", "there is no such format.", f"Use auto or one of: {', '.join(FORMATS)}."
        )
    files = _distinct(files)
    if not files:
        raise UserError("no file", "there is nothing to convert.", "Choose a .json or .jsonl file of chats.")
    for file in files:
        if not file.path.is_file():
            why = "it is a folder." if file.path.is_dir() else "there is no such file."
            raise UserError(file.name, why, "Choose a .json or .jsonl file of chats.")
    with new_folder("convert") as path:
        tally, size = Tally(validation_fraction), sum(file.path.stat().st_size for file in files)
        with (
            (path / "rejected.jsonl").open("w", encoding="utf-8", errors="backslashreplace") as rejected,
            parquet.ConversationWriter(path / parquet.FILE_NAME) as writer,
            Readers(processes) as readers,
        ):
            for file in files:
                for batch in readers.read(file.path, file.name, reading, validation_fraction, tally.notes):
                    tally.add(batch)
                    if batch.rows is not None:
                        writer.add_rows(batch.rows)
                    rejected.writelines(line(problem) for problem in batch.problems)
                    tally.require_room(rejected.tell(), size)
                    if progress:
                        progress(tally.read)
        tally.require_some()
        limit = tally.boundary()
        if limit != validation_fraction:
            parquet.resplit(path / parquet.FILE_NAME, lambda rows: held_out.below(limit, rows))
        report = tally.report(parquet.side_counts(path / parquet.FILE_NAME))
        write_json(path / "source.json", _source(files, reading, validation_fraction, limit))
        write_json(path / "report.json", report)
        return Staged(path, report)


def hold_out(staged: Staged, fraction: float) -> Staged:
    """The next state of an upload, with another share of it held out; nothing is read again.

    Raises:
        UserError: the disk is full; all stays as it was.
    """
    with new_folder("split the dataset") as folder:
        for name in (parquet.FILE_NAME, "rejected.jsonl"):
            shutil.copyfile(staged.path / name, folder / name)
        places = pc.unique(parquet.index(folder / parquet.FILE_NAME)["position"])[:SMALL].to_pylist()
        limit = boundary(fraction, places)
        parquet.resplit(folder / parquet.FILE_NAME, lambda rows: held_out.below(limit, rows))
        report = {**staged.report, "splits": parquet.side_counts(folder / parquet.FILE_NAME)}
        write_json(folder / "report.json", report)
        source = {**staged.source, "validation_fraction": fraction, "boundary": limit, "held_out": []}
        write_json(folder / "source.json", source)
        made = Staged(folder, report)
        follow(made, staged)
        return made


def _distinct(files: Sequence[SourceFile]) -> list[SourceFile]:
    """`files` with names that differ, so that a problem points at one file alone, and that can be written as UTF-8."""
    taken: dict[str, int] = {}
    distinct = []
    for file in files:
        name = file.name.encode("utf-8", "replace").decode()
        taken[name] = taken.get(name, 0) + 1
        distinct.append(replace(file, name=name if taken[name] == 1 else f"{name} ({taken[name]})"))
    return distinct


def _source(files: Sequence[SourceFile], reading: Reading, fraction: float, boundary: float) -> dict[str, Any]:
    """`held_out`: positions of openings held out beyond `boundary` because an earlier version held them out."""
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="microseconds"),
        "files": [_file(file) for file in files],
        "reading": reading.as_json(),
        "validation_fraction": fraction,
        "boundary": boundary,
        "held_out": [],
    }


def _file(file: SourceFile) -> dict[str, Any]:
    known = {"name": file.name, "bytes": file.path.stat().st_size, "sha256": hexdigest(file.path, hashlib.sha256())}
    return {**known, "url": file.url} if file.url else known
