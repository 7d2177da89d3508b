"""Reading untrusted files, what one process does: it converts a part of a file into tables, ready to be saved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import structs

from formats.conversation import Conversation, Origin
from formats.convert import convert
from formats.detect import Detection
from formats.notes import Notes
from formats.part import Part, Place
from formats.problems import RowProblem
from formats.reading import Reading
from ft.dataset.split import Side
from ft.dataset.table import Facts, facts, table

ROWS = 1000  # records of one batch, at most
CHARACTERS = 4_000_000  # of one batch, unless one record has more
_AT_ONCE = 64  # conversations whose facts are worked out one after another
_LONG = 50_000  # characters of a reply: then its conversation does not wait for others
_NUMBERED = ("truncated", "not_read")  # problems whose words say at which record reading ended
_NUMBER = re.compile(r"(?<=record )[0-9]+")


@dataclass(slots=True)
class Batch:
    """Some of the records of a file, in order. `rows`: those that were kept, with the columns of
    `ft.dataset.table.SCHEMA`; None where none was. `counts`: by file, how many records were read and how many kept.
    `repaired`: by code, how many were repaired. `formats`: by file, which one was found so far."""

    rows: pa.Table | None = None
    problems: list[RowProblem] = field(default_factory=list)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    repaired: Counter[str] = field(default_factory=Counter)
    formats: dict[str, Detection] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return (self.rows.nbytes if self.rows is not None else 0) + sum(len(each.record) for each in self.problems)

    def move(self, name: str, before: int) -> None:
        """Add `before` to the numbers of the records of the file `name`: so many stand before its part of the file."""
        if not before:
            return
        if self.rows is not None:
            self.rows = _moved_rows(self.rows, name, before)
        self.problems = [_moved_problem(problem, name, before) for problem in self.problems]


@dataclass(frozen=True, slots=True)
class End:
    """The end of a part: what is worth telling of it, and where it stopped (None: at the end of the file)."""

    notes: Notes
    stopped: Place | None

    def move(self, name: str, before: int) -> None:
        """As `Batch.move`, for the examples in the notes."""
        for code, examples in self.notes.examples.items():
            self.notes.examples[code] = [
                replace(example, origin=_moved(example.origin, name, before)) for example in examples
            ]


def read_part(
    path: Path, name: str, reading: Reading, fraction: float, part: Part, notes: Notes
) -> Iterator[Batch | End]:
    """Convert `part` of the file, which a person knows as `name`. `fraction` of the openings are held out.

    `notes` hold the formats that were found in the parts before.
    """
    batch = _Batch(fraction)
    try:
        for item in convert(path, name=name, reading=reading, notes=notes, part=part):
            batch.add(item)
            if batch.is_full:
                yield batch.made(notes)
                batch = _Batch(fraction)
    except MemoryError:
        if batch.made_of:
            yield batch.made(notes)  # what came before the record that is too much
        raise
    if batch.made_of:
        yield batch.made(notes)
    yield End(notes, part.stopped)


class _Batch:
    """A batch that is being filled."""

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self._new: list[Conversation] = []  # their facts are still to be worked out
        self._rows: list[tuple[Conversation, Side, Facts]] = []
        self._characters = 0
        self._problems: list[RowProblem] = []
        self._repaired: Counter[str] = Counter()
        self._counts: dict[str, tuple[int, int]] = {}
        self.made_of = 0  # records

    def add(self, item: Conversation | RowProblem) -> None:
        self.made_of += 1
        if isinstance(item, Conversation):
            self._new.append(item)
            # Several at once: going to and fro between reading and this for each costs a fifth of all time.
            if len(self._new) >= _AT_ONCE or len(item.messages[-1].content) > _LONG:
                self._take()
        else:
            self._take()
            self._reject(item)

    def _take(self) -> None:
        for conversation in self._new:
            try:
                known = facts(conversation)
            except UnicodeEncodeError:
                self._reject(_half_character(conversation))
                continue
            self._rows.append((conversation, "validation" if known.position < self._fraction else "train", known))
            self._characters += known.characters
            if conversation.repairs:
                self._repaired.update(conversation.repairs)
            file = conversation.origin.file
            read, kept = self._counts.get(file, (0, 0))
            self._counts[file] = (read + 1, kept + 1)
        self._new.clear()

    def _reject(self, problem: RowProblem) -> None:
        self._problems.append(problem)
        self._characters += len(problem.record)
        read, kept = self._counts.get(problem.origin.file, (0, 0))
        self._counts[problem.origin.file] = (read + 1, kept)

    @property
    def is_full(self) -> bool:
        return self.made_of >= ROWS or self._characters >= CHARACTERS

    def made(self, notes: Notes) -> Batch:
        self._take()
        rows = table(self._rows) if self._rows else None
        return Batch(rows, self._problems, self._counts, self._repaired, dict(notes.formats))


def _half_character(conversation: Conversation) -> RowProblem:
    return RowProblem(
        conversation.origin,
        None,
        None,
        "half_character",
        "it has half of a character (a lone surrogate, such as \\ud83d without its second half).",
        "Write the file again as UTF-8, with whole characters.",
        str(conversation.messages),
    )


def _moved_rows(rows: pa.Table, name: str, before: int) -> pa.Table:
    origin = rows["origin"].combine_chunks()
    files, numbers = origin.flatten()
    here = pc.cast(pc.equal(files, name), pa.int64())
    made = pa.StructArray.from_arrays([files, pc.add(numbers, pc.multiply(here, before))], fields=list(origin.type))
    place = rows.schema.get_field_index("origin")
    return rows.set_column(place, rows.schema.field(place), made)


def _moved_problem(problem: RowProblem, name: str, before: int) -> RowProblem:
    words = problem.problem
    if problem.origin.record == 0 or problem.code in _NUMBERED:
        words = _NUMBER.sub(lambda found: str(int(found[0]) + before), words)
    return replace(problem, origin=_moved(problem.origin, name, before), problem=words)


def _moved(origin: Origin, name: str, before: int) -> Origin:
    """Record 0 stands for the whole file. The records of a file inside another are counted apart."""
    return structs.replace(origin, record=origin.record + before) if origin.file == name and origin.record else origin
