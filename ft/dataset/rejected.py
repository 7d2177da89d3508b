"""Records that were rejected: a page of them, and reading one again once a person has mended it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from formats.conversation import Conversation, Origin
from formats.convert import convert, convert_record
from formats.problems import RowProblem
from formats.reading import Reading
from ft.dataset import edit
from ft.dataset.change import Change
from ft.dataset.documents import REPAIR, Problem
from ft.dataset.staging import Staged, write_json
from ft.dataset.tally import PROBLEMS_IN_REPORT, as_json
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.figures import count
from ft.files import regular


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected record: what is wrong with it, as a report has it, and the record itself as text."""

    problem: dict[str, Any]
    raw: str

    @property
    def key(self) -> tuple[str, int]:
        """Which record of which file it is."""
        return self.problem["file"], self.problem["record"]


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of reading rejected records again: the dataset as it is now, how many are kept, how many still not."""

    looked: Version | Staged
    fixed: int
    still: tuple[RowProblem, ...]


def page(looked: Version | Staged, start: int, limit: int) -> list[Rejected]:
    """At most `limit` rejected records from the `start`-th (0: the first) on.

    Raises:
        UserError: the file is damaged before that.
    """
    return list(islice(_read(looked.rejected_path), start, start + limit))


def _read(path: Path) -> Iterator[Rejected]:
    try:
        with open(path, encoding="utf-8", opener=regular) as file:
            for line in file:
                problem = json.loads(line)
                raw = problem.pop("raw")
                Problem.model_validate(problem)
                yield Rejected(problem, raw if isinstance(raw, str) else json.dumps(raw))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = f"the rejected records cannot be read ({str(error)[:200]})."
        raise UserError(str(path), why, "Convert the files again to see them.") from error


def retry(looked: Version | Staged, rejected: Rejected, raw: str) -> Retried:
    """Read one rejected record again, as a person has mended it in `raw` (JSON text, or the text of a table's row).

    Raises:
        UserError: it still cannot be used, and why.
    """
    try:
        record = json.loads(raw)
    except ValueError as error:
        todo = "Mend the quotes, commas and brackets at that place."
        raise UserError("the record", f"that is not valid JSON: {error}.", todo) from error
    found = convert_record(record, Origin(*rejected.key), _reading(looked))
    if isinstance(found, RowProblem):
        where = f"the record, turn {found.turn}" if found.turn else "the record"
        raise UserError(where, found.problem, found.fix)
    return _retried(looked, [found])


def retry_file(looked: Version | Staged, path: Path, name: str) -> Retried:
    """Read a file of rejected records again, as it was downloaded and mended: a changed raw is enough.

    Raises:
        UserError: the file holds no rejected record of this dataset.
    """
    known = {each.key for each in _read(looked.rejected_path)}
    found = [each for each in convert(path, name=name, reading=_reading(looked)) if _key(each) in known]
    if not found:
        todo = "Download the rejected records of this dataset, mend what stands under raw, and bring the file back."
        raise UserError(name, "no rejected record of this dataset is in it.", todo)
    return _retried(looked, found)


def _key(found: Conversation | RowProblem) -> tuple[str, int]:
    return found.origin.file, found.origin.record


def _reading(looked: Version | Staged) -> Reading:
    try:
        return Reading.from_json(looked.source.get("reading") or {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"how it was read cannot be used ({str(error)[:200]})."
        raise UserError(str(looked.path / "source.json"), why, REPAIR) from error


def _retried(looked: Version | Staged, found: Sequence[Conversation | RowProblem]) -> Retried:
    fixed = {_key(each): each for each in found if isinstance(each, Conversation)}
    still = {_key(each): each for each in found if isinstance(each, RowProblem)}
    if not fixed:
        return Retried(looked, 0, tuple(still.values()))

    def finish(folder: Path, report: dict[str, Any]) -> dict[str, Any]:
        left = [each for each in _read(looked.rejected_path) if each.key not in fixed]
        _write(folder / "rejected.jsonl", left, still)
        kinds = Counter(str(each.problem["code"]) for each in _read(folder / "rejected.jsonl"))
        problems = [each.problem for each in islice(_read(folder / "rejected.jsonl"), PROBLEMS_IN_REPORT)]
        report = {**report, "rejected": dict(kinds.most_common()), "problems": problems}
        report["added"] -= len(fixed)  # they were read as records, and are kept now
        files = {file: sum(key[0] == file for key in fixed) for file, _ in fixed}
        report["files"] = [{**each, "kept": each["kept"] + files.get(each["name"], 0)} for each in report["files"]]
        write_json(folder / "report.json", report)
        return report

    words = f"{count(len(fixed), 'rejected record')} mended"
    changed = edit.apply(looked, Change(words, add=tuple(fixed.values())), finish)
    return Retried(changed, len(fixed), tuple(still.values()))


def _write(path: Path, left: Iterable[Rejected], still: dict[tuple[str, int], RowProblem]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for each in left:
            again = still.get(each.key)
            line = {**as_json(again), "raw": again.record} if again else {**each.problem, "raw": each.raw}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
