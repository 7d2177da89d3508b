"""Converting counted: what was read, kept, mended and rejected, file by file."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from formats.detect import Detection
from formats.notes import Example, Notes
from formats.problems import RowProblem
from ft.dataset.read_part import Batch
from ft.dataset.split import SMALL, boundary
from ft.errors import UserError

PROBLEMS_IN_REPORT = 100
_REJECTED_BYTES, _TIMES = 64_000_000, 8  # that the list of rejected records may take, however small the files are
_NO_RECORD = Detection("", 0.0, "no record of it was read")


class NothingKept(UserError):
    """No record of the files can be used."""


class Tally:
    """Counts of one conversion. Memory: 8 bytes a conversation (for duplicates), and the first 100 problems.

    `fraction` is the share of openings to hold out, 0 to 1. `notes`: what is worth telling beside.
    """

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self.notes = Notes()
        self.read = self._kept = 0
        self._repaired: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._first: dict[str, RowProblem] = {}
        self._problems: list[RowProblem] = []
        self._unreadable: list[RowProblem] = []
        self._fingerprints: list[pa.Array] = []
        self._places: set[float] = set()
        self._counts: dict[str, tuple[int, int]] = {}

    def add(self, batch: Batch) -> None:
        """Count the records of a batch."""
        for file, (read, kept) in batch.counts.items():
            before = self._counts.get(file, (0, 0))
            self._counts[file] = (before[0] + read, before[1] + kept)
            self.read += read
            self._kept += kept
        self._repaired.update(batch.repaired)
        for problem in batch.problems:
            self._reject(problem)
        if batch.rows is not None:
            self._fingerprints += batch.rows["fingerprint"].chunks
            if len(self._places) < SMALL:
                self._places.update(batch.rows["position"].to_pylist())

    def _reject(self, problem: RowProblem) -> None:
        self._rejected[problem.code] += 1
        self._first.setdefault(problem.code, problem)
        if len(self._problems) < PROBLEMS_IN_REPORT:
            self._problems.append(problem)
        if problem.origin.record == 0:
            self._unreadable.append(problem)

    def _files(self) -> list[dict[str, Any]]:
        files = []
        for file in dict.fromkeys((*self._counts, *self.notes.formats)):  # some are passed over: they hold no chats
            read, kept = self._counts.get(file, (0, 0))
            found = self.notes.formats.get(file, _NO_RECORD)
            files.append({"name": file, "format": found.format, "reason": found.reason, "read": read, "kept": kept})
        return files

    def boundary(self) -> float:
        """The fraction that the split is made with: see `ft.dataset.split.boundary`."""
        return boundary(self._fraction, self._places)

    def require_some(self) -> None:
        """Raise NothingKept where it is so: which file cannot be read, or the commonest reason of all records."""
        if self._kept:
            return
        names = ", ".join(self._counts)
        if not self._rejected:
            raise NothingKept(names, "there is no record in it.", "Choose a file with at least one conversation.")
        if len(self._unreadable) == self.read:
            given = ", ".join(problem.origin.file for problem in self._unreadable)
            why = " ".join(dict.fromkeys(problem.problem for problem in self._unreadable))
            raise NothingKept(given, why, self._unreadable[0].fix)
        why, fix = self._commonest()
        raise NothingKept(names, f"nothing in it can be used ({self.read} read). {why}", fix)

    def require_room(self, written: int, read: int) -> None:
        """Raise UserError where the list of what was rejected takes far more room than the files of `read` bytes do,
        as that of a million numbers would."""
        if written > max(_REJECTED_BYTES, _TIMES * read):
            why, fix = self._commonest()
            size = f"{written / 1e6:.0f} MB"
            told = f"so much of it cannot be used that the list of that takes {size} already. {why}"
            raise UserError(", ".join(self._counts), told, fix)

    def _commonest(self) -> tuple[str, str]:
        """The commonest reason for which a record was rejected, and what to do."""
        code, count = self._rejected.most_common(1)[0]
        first = self._first[code]
        turn = f", turn {first.turn}" if first.turn else ""
        where = f"first met in {first.origin.file}, record {first.origin.record}{turn}"
        return f"The commonest reason ({count} of {self.read}), {where}: {first.problem}", first.fix

    def report(self, splits: dict[str, int]) -> dict[str, Any]:
        """The report of the conversion, with the counts of each side of the split as given."""
        files = self._files()
        formats = {file["name"]: file["format"] for file in files}
        used = {file["format"] for file in files if file["kept"]}
        return {
            "dataset": "",
            "version": "",
            "format": used.pop() if len(used) == 1 else "mixed",
            "formats": formats,
            "read": self.read,
            "kept": self._kept,
            "repaired": dict(self._repaired.most_common()),
            "rejected": dict(self._rejected.most_common()),
            "duplicates": self._kept - self._distinct(),
            "splits": splits,
            "problems": [as_json(problem) for problem in self._problems],
            "files": files,
            "found": dict(self.notes.found.most_common()),
            "placeholders": dict(self.notes.placeholders.most_common()),
            "with_placeholders": self.notes.with_placeholders,
            "ignored": dict(self.notes.ignored.most_common()),
            "examples": {code: [_example(each) for each in examples] for code, examples in self.notes.examples.items()},
        }

    def _distinct(self) -> int:
        return pc.count_distinct(pa.chunked_array(self._fingerprints, type=pa.uint64())).as_py()


def _example(example: Example) -> dict[str, Any]:
    origin = example.origin
    return {"file": origin.file, "record": origin.record, "before": example.before, "after": example.after}


def as_json(problem: RowProblem) -> dict[str, Any]:
    """A problem as it stands in a report."""
    return {
        "file": problem.origin.file,
        "record": problem.origin.record,
        "turn": problem.turn,
        "field": problem.field,
        "code": problem.code,
        "problem": problem.problem,
        "fix": problem.fix,
    }


def line(problem: RowProblem) -> str:
    """A problem as a line of rejected.jsonl, with the record."""
    return json.dumps({**as_json(problem), "raw": problem.record}, ensure_ascii=False) + "\n"
