"""What is wrong with a record, and what was mended in it, as values."""

from __future__ import annotations

from dataclasses import dataclass

from formats.conversation import Origin


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a record cannot be used. It is yielded in the record's place, so that nothing is lost silently.

    `turn` counts from 1 (None: the record as a whole); `field` is the key at fault (None: the whole turn or record);
    `code` is stable and machine-readable; `problem` and `fix` are for a person; `record` is the raw record as text.
    """

    origin: Origin
    turn: int | None
    field: str | None
    code: str
    problem: str
    fix: str
    record: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """A change made to records so that they can be used: its code (see `formats.repair`) and in how many."""

    code: str
    count: int


def writable(text: str) -> str:
    """The first 20,000 characters of `text`, with half characters (lone surrogates) spelled out: \\ud83d."""
    return text[:20_000].encode("utf-8", "backslashreplace").decode()
