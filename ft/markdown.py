"""Markdown for a card: tables, and texts of a person's own that must not become marks of it."""

from __future__ import annotations

import re
from collections.abc import Sequence


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; what is in its cells is Markdown already."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain_text(text: str) -> str:
    """A name of a person's own as text that is no Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", " ".join(text.split()))
