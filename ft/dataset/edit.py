"""A change of a dataset -> a new version of it, which names the one that it was made from. Undo points back at that."""

from __future__ import annotations

import shutil
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from formats.conversation import Conversation
from ft.dataset import parquet
from ft.dataset.change import Change
from ft.dataset.save import save
from ft.dataset.split import Side
from ft.dataset.staging import Staged, follow, new_folder, write_json
from ft.dataset.table import Facts, facts, table
from ft.dataset.versions import Version, in_use, list_versions, require_there, use
from ft.errors import UserError

Finish = Callable[[Path, dict[str, Any]], dict[str, Any]]


def apply(looked: Version | Staged, change: Change, finish: Finish | None = None) -> Version | Staged:
    """The dataset as it is after `change`: the next version of a saved one, the next state of an upload.

    Conversations keep their side of the split; one whose opening was changed goes where that opening lies already, and
    else stays. What was held out stays held out. `finish(folder, report)` gives the report once the conversations are
    written and before anything is saved.

    Raises:
        UserError: nothing would be left, a text cannot be written, or the disk is full; all stays as it was.
        IndexError: a row that is not there.
    """
    with new_folder("edit the dataset") as folder:
        rows = parquet.index(looked.conversations_path)
        _require_rows(change, rows.num_rows)
        source = looked.source
        sides = _Sides(rows, change, source["boundary"], source["held_out"])
        with parquet.ConversationWriter(folder / parquet.FILE_NAME) as writer:
            _write(looked.conversations_path, change, sides, writer)
        shutil.copyfile(looked.rejected_path, folder / "rejected.jsonl")
        report = {**looked.report, **_counts(folder, looked.report, change)}
        report = finish(folder, report) if finish else report
        write_json(folder / "report.json", report)
        write_json(folder / "source.json", _source(looked, source, change, sides))
        edited = Staged(folder, report)
        if isinstance(looked, Version):
            require_there(looked)
            return save(edited, looked.name)
        follow(edited, looked)
        return edited


def undo(name: str) -> Version:
    """Let the dataset be as it was before its last edit; the edited version stays, and `redo` goes back to it.

    Raises:
        UserError: there is no such dataset, or no edit to undo.
    """
    version = _there(name)
    before = next((each for each in list_versions(name) if each.version == version.parent), None)
    if before is None:
        why = f"version {version.version.removeprefix('v')} was not made by an edit, so there is nothing to undo."
        raise UserError(f"dataset {name!r}", why, "Choose another version in its history.")
    use(before)
    return before


def redo(name: str) -> Version:
    """Let the dataset be as it was before the last `undo`: the newest version that was made from the one in use.

    Raises:
        UserError: there is no such dataset, or nothing to redo.
    """
    version = _there(name)
    after = next((each for each in list_versions(name) if each.parent == version.version), None)
    if after is None:
        raise UserError(
            f"dataset {name!r}", "no edit of it was undone.", "Edit it, or choose a version of its history."
        )
    use(after)
    return after


def _there(name: str) -> Version:
    version = in_use(name)
    if version is None:
        raise UserError(f"dataset {name!r}", "there is no dataset of that name.", "List them: sidetune datasets")
    return version


def _require_rows(change: Change, count: int) -> None:
    touched = {*change.delete, *change.replace}
    if touched and not 0 <= min(touched) <= max(touched) < count:
        raise IndexError(f"rows {min(touched)} to {max(touched)} of {count}")
    if len(change.delete) >= count and not change.add:
        todo = "Keep at least one conversation; a dataset that nobody needs can be deleted as a whole."
        raise UserError("the change", "no conversation would be left.", todo)


class _Sides:
    """Which side each new conversation goes to. `held_out`: positions to hold out beyond the boundary, kept in source.

    `known` maps the positions of the openings that stay to whether they are held out.
    """

    def __init__(self, rows: pa.Table, change: Change, boundary: float, held_out: list[float]) -> None:
        self._boundary = boundary
        self.held_out = set(held_out)
        self.before: list[str] = rows["split"].to_pylist()
        touched = {*change.delete, *change.replace}
        self._known: dict[float, bool] = {}
        if change.replace or change.add:
            for row, (place, side) in enumerate(zip(rows["position"].to_pylist(), self.before, strict=True)):
                if row not in touched:
                    self._known[place] = side == "validation"

    def of(self, known: Facts, before: str = "") -> Side:
        """The side of a conversation with these facts, that was on the side `before` ("" where it is new)."""
        place = known.position
        held_out = self._known.get(place)
        if before == "validation" or held_out is None:
            held_out = before == "validation" or (not before and (place < self._boundary or place in self.held_out))
        if held_out and place >= self._boundary:
            self.held_out.add(place)
        return "validation" if held_out else "train"


def _write(path: Path, change: Change, sides: _Sides, writer: parquet.ConversationWriter) -> None:
    touched = sorted({*change.delete, *change.replace})
    first = 0
    for part in parquet.tables(path):
        pieces, start = [], 0
        for row in touched[bisect_left(touched, first) : bisect_left(touched, first + part.num_rows)]:
            pieces.append(part.slice(start, row - first - start))
            start = row - first + 1
            if row not in change.delete:
                changed = change.replace[row]
                known = _facts(changed)
                pieces.append(table([(changed, sides.of(known, sides.before[row]), known)]))
        pieces.append(part.slice(start))
        writer.add_table(pa.concat_tables(pieces))
        first += part.num_rows
    for added in change.add:
        known = _facts(added)
        writer.add(added, sides.of(known), known)


def _facts(conversation: Conversation) -> Facts:
    try:
        return facts(conversation)
    except UnicodeEncodeError as error:
        why = "its text has half of a character (a lone surrogate), which cannot be kept as UTF-8."
        raise UserError("the conversation", why, "Write that character again.") from error


def _counts(folder: Path, before: dict[str, Any], change: Change) -> dict[str, Any]:
    """What changes in the report. With what edits add and remove, read + added = kept + rejected + removed."""
    rows = parquet.index(folder / parquet.FILE_NAME)
    held_out = pc.sum(pc.equal(rows["split"], "validation")).as_py() or 0
    return {
        "kept": rows.num_rows,
        "duplicates": rows.num_rows - pc.count_distinct(rows["fingerprint"]).as_py(),
        "splits": {"train": rows.num_rows - held_out, "validation": held_out},
        "added": before.get("added", 0) + len(change.add),
        "removed": before.get("removed", 0) + len(change.delete),
    }


def _source(looked: Version | Staged, before: dict[str, Any], change: Change, sides: _Sides) -> dict[str, Any]:
    if isinstance(looked, Version):
        made: dict[str, Any] = {"parent": looked.version, "edit": change.words}
    else:  # its first version will be made from files, and these changes before it was saved
        made = {"edits": [*before.get("edits", []), change.words]}
    now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
    return {**before, **made, "created": now, "held_out": sorted(sides.held_out)}
