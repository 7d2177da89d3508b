"""A dataset -> a file for others: JSON Lines in a format of the field, or Parquet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from formats import messages
from formats.convert import WRITERS
from ft.dataset import parquet
from ft.dataset.staging import Staged, disk_error
from ft.dataset.table import CHAT
from ft.dataset.versions import Version
from ft.errors import UserError

FORMATS = (*WRITERS, "parquet")
_A_PROGRESS = 1000


@dataclass(frozen=True, slots=True)
class Exported:
    """The file, how many conversations are in it, and why others are not (reason -> how many).

    Those are in `left_out_path`, as OpenAI messages, each with its row and the reason.
    """

    path: Path
    written: int
    left_out: dict[str, int]
    left_out_path: Path | None


def export(
    looked: Version | Staged,
    path: Path,
    format: str,
    split: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Exported:
    """Write the conversations of that side (None: of both) to `path`; a file there is replaced once it is whole.

    `format` is one of FORMATS. What it has no place for (tool calls in Alpaca) is left out, counted and kept beside it.

    Raises:
        UserError: no such format or side, or the disk is full; then nothing is written.
    """
    require(format, split)
    new = path.with_name(path.name + ".new")
    left_out_path = path.with_name(path.name + ".left-out.jsonl")
    try:
        if format == "parquet":
            written, left_out = _parquet(looked, new, split), Counter[str]()
        else:
            written, left_out = _lines(looked, new, format, split, left_out_path, progress)
        new.replace(path)
    except OSError as error:
        left_out_path.unlink(missing_ok=True)
        raise disk_error(error, "export") from error
    finally:
        new.unlink(missing_ok=True)
    return Exported(path, written, dict(left_out), left_out_path if left_out else None)


def require(format: str, split: str | None) -> None:
    """Raise UserError where there is no such format, or no such side."""
    if format not in FORMATS:
        raise UserError(f"format {format!r}", "there is no such format.", f"Use one of: {', '.join(FORMATS)}.")
    if split not in (None, "train", "validation"):
        raise UserError(
            f"side {split!r}", "there is no such side.", "Use train or validation, or leave it out for both."
        )


def _lines(
    looked: Version | Staged,
    new: Path,
    format: str,
    split: str | None,
    left_out_path: Path,
    progress: Callable[[int], None] | None,
) -> tuple[int, Counter[str]]:
    written, left_out = 0, Counter[str]()
    with ExitStack() as stack:
        file = stack.enter_context(new.open("w", encoding="utf-8"))
        for row, conversation in enumerate(looked.conversations(split)):
            if progress and row % _A_PROGRESS == 0:
                progress(row)
            try:
                record = WRITERS[format](conversation)
            except ValueError as error:
                if not left_out:
                    beside = stack.enter_context(left_out_path.open("w", encoding="utf-8"))
                left_out[str(error)] += 1
                line = {"row": row + 1, "reason": str(error), **messages.write(conversation)}
                beside.write(json.dumps(line, ensure_ascii=False) + "\n")
                continue
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            written += 1
    if not left_out:
        left_out_path.unlink(missing_ok=True)  # of an earlier export to the same file
    return written, left_out


def _parquet(looked: Version | Staged, new: Path, split: str | None) -> int:
    columns = [*CHAT.names, "split"]
    written = 0
    with ExitStack() as stack:
        writer = None
        for part in parquet.tables(looked.conversations_path):
            rows = part.select(columns)
            if split:
                rows = rows.filter(pc.equal(rows["split"], split))
            writer = writer or stack.enter_context(pq.ParquetWriter(new, rows.schema, compression="zstd"))
            writer.write_table(rows)
            written += rows.num_rows
    return written
