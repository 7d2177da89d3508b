"""Converting counted: what was read, kept, mended and rejected, file by file."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc

from formats.conversation import Conversation
from formats.convert import convert
from formats.notes import Example, Notes
from formats.problems import RowProblem
from formats.reading import Reading
from ft.dataset.parquet import ConversationWriter
from ft.dataset.split import SMALL, boundary
from ft.dataset.table import facts
from ft.errors import UserError

PROBLEMS_IN_REPORT = 100
RECORDS_A_PROGRESS = 200


class Tally:
    """Counts of one conversion. Memory: 8 bytes a conversation (for duplicates), and the first 100 problems.

    `fraction` is the share of openings to hold out, 0 to 1.
    """

    def __init__(self, reading: Reading, fraction: float) -> None:
        self._reading, self._fraction = reading, fraction
        self._notes = Notes()
        self._read = self._kept = 0
        self._repaired: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._first: dict[str, RowProblem] = {}
        self._problems: list[RowProblem] = []
        self._unreadable: list[RowProblem] = []
        self._fingerprints = array("Q")
        self._places: set[float] = set()
        self._files: list[dict[str, Any]] = []

    def convert(
        self,
        path: Path,
        name: str,
        writer: ConversationWriter,
        rejected: TextIO,
        progress: Callable[[int], None] | None,
    ) -> None:
        """Convert one file: conversations go to `writer`, rejected records to `rejected` as JSON lines."""
        counts: dict[str, list[int]] = {}
        for item in convert(path, name=name, reading=self._reading, notes=self._notes):
            self._read += 1
            problem = item if isinstance(item, RowProblem) else self._keep(item, writer)
            count = counts.setdefault(item.origin.file, [0, 0])
            count[0] += 1
            if problem is not None:
                self._reject(problem, rejected)
            else:
                count[1] += 1
            if progress and self._read % RECORDS_A_PROGRESS == 0:
                progress(self._read)
        if progress:
            progress(self._read)
        for file, (read, kept) in counts.items():
            found = self._notes.formats[file]
            self._files.append(
                {"name": file, "format": found.format, "reason": found.reason, "read": read, "kept": kept}
            )

    def _keep(self, conversation: Conversation, writer: ConversationWriter) -> RowProblem | None:
        try:
            known = facts(conversation)
        except UnicodeEncodeError:
            return RowProblem(
                conversation.origin,
                None,
                None,
                "half_character",
                "it has half of a character (a lone surrogate, such as \\ud83d without its second half).",
                "Write the file again as UTF-8, with whole characters.",
                str(conversation.messages),
            )
        self._fingerprints.append(known.fingerprint)
        if len(self._places) < SMALL:
            self._places.add(known.position)
        writer.add(conversation, "validation" if known.position < self._fraction else "train", known)
        self._kept += 1
        self._repaired.update(conversation.repairs)
        return None

    def _reject(self, problem: RowProblem, rejected: TextIO) -> None:
        self._rejected[problem.code] += 1
        self._first.setdefault(problem.code, problem)
        if len(self._problems) < PROBLEMS_IN_REPORT:
            self._problems.append(problem)
        if problem.origin.record == 0:
            self._unreadable.append(problem)
        rejected.write(json.dumps({**as_json(problem), "raw": problem.record}, ensure_ascii=False) + "\n")

    def boundary(self) -> float:
        """The fraction that the split is made with: see `ft.dataset.split.boundary`."""
        return boundary(self._fraction, self._places)

    def require_some(self) -> None:
        """Raise UserError where nothing was kept: which file cannot be read, or the commonest reason of all records."""
        if self._kept:
            return
        names = ", ".join(file["name"] for file in self._files)
        if not self._rejected:
            raise UserError(names, "there is no record in it.", "Choose a file with at least one conversation.")
        if len(self._unreadable) == self._read:
            given = ", ".join(problem.origin.file for problem in self._unreadable)
            why = " ".join(dict.fromkeys(problem.problem for problem in self._unreadable))
            raise UserError(given, why, self._unreadable[0].fix)
        code, count = self._rejected.most_common(1)[0]
        first = self._first[code]
        turn = f", turn {first.turn}" if first.turn else ""
        raise UserError(
            names,
            f"nothing in it can be used ({self._read} read). The commonest reason ({count} of {self._read}), first met "
            f"in {first.origin.file}, record {first.origin.record}{turn}: {first.problem}",
            first.fix,
        )

    def report(self, splits: dict[str, int]) -> dict[str, Any]:
        """The report of the conversion, with the counts of each side of the split as given."""
        formats = {file["name"]: file["format"] for file in self._files}
        used = {file["format"] for file in self._files if file["kept"]}
        return {
            "dataset": "",
            "version": "",
            "format": used.pop() if len(used) == 1 else "mixed",
            "formats": formats,
            "read": self._read,
            "kept": self._kept,
            "repaired": dict(self._repaired.most_common()),
            "rejected": dict(self._rejected.most_common()),
            "duplicates": self._kept - self._distinct(),
            "splits": splits,
            "problems": [as_json(problem) for problem in self._problems],
            "files": self._files,
            "found": dict(self._notes.found.most_common()),
            "placeholders": dict(self._notes.placeholders.most_common()),
            "with_placeholders": self._notes.with_placeholders,
            "ignored": dict(self._notes.ignored.most_common()),
            "examples": {
                code: [
                    {"file": e.origin.file, "record": e.origin.record, "before": e.before, "after": e.after} for e in es
                ]
                for code, es in self._notes.examples.items()
            },
        }

    def _distinct(self) -> int:
        return pc.count_distinct(pa.array(memoryview(self._fingerprints), type=pa.uint64())).as_py()


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
