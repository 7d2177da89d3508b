"""How the command line prints: JSON for a script, tables and plain sentences for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def print_json(document: Any) -> None:
    """One JSON document on standard output, in ASCII, so that no terminal's encoding can break it."""
    print(json.dumps(document, indent=2))


def say(text: str = "") -> None:
    """A line for a person, on standard output."""
    print(plain(text))


def note(text: str) -> None:
    """A line about work in progress, on standard error, so that standard output holds the result alone."""
    print(plain(text), file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """`text` without control characters: a record or a reply must not be able to steer the terminal."""
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned under their titles: text to the left, numbers to the right."""
    lines = [list(titles), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    right = [
        bool(rows) and all(isinstance(row[column], (int, float, type(None))) for row in rows)
        for column in range(len(titles))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def moment(iso: str) -> str:
    """An ISO time in UTC as a person reads it: "2026-11-24 03:12 UTC"."""
    return f"{iso[:16].replace('T', ' ')} UTC"
