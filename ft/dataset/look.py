"""The first records of an untrusted file, to guess from what is in it; read in a process of its own, with limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from formats.convert import look
from formats.repair import as_json
from ft import sandbox
from ft.errors import UserError

_LIMITS = sandbox.Limits(memory_bytes=1 << 30, cpu_seconds=60)
_CHARACTERS = 8_000_000  # of the first records, in all: more than a person looks at


def first_records(path: Path) -> list[object]:
    """The first 100 records of the file, or as many as have 8 million characters; an empty list where there is none.

    Raises:
        UserError: reading them takes too much memory or time.
    """
    try:
        return list(sandbox.stream(_LIMITS, _first_records, path))
    except sandbox.LimitReached as error:
        raise UserError(path.name, f"looking at its first records {error.words}.", "Look at what is in it.") from error


def _first_records(path: Path) -> Iterator[object]:
    left = _CHARACTERS
    for record in look(path):
        left -= len(as_json(record))
        if left < 0:
            return
        yield record
