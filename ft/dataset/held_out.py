"""What was held out once stays held out in every later version, also where the boundary has moved since."""

from __future__ import annotations

from pathlib import Path

from formats.conversation import Conversation
from ft.dataset import parquet
from ft.dataset.split import Side, position, side
from ft.dataset.versions import Version


def earlier(version: Version, boundary: float) -> set[float]:
    """Positions (see `ft.dataset.split`) at or above `boundary` of openings held out in `version` or before it."""
    source = version.source
    found = {place for place in source["held_out"] if place >= boundary}
    if source["boundary"] > boundary:
        found |= {place for each in version.conversations("validation") if (place := position(each)) >= boundary}
    return found


def apply(path: Path, boundary: float, held_out: set[float]) -> None:
    """Move the conversations of the Parquet file at `path` with those openings to the validation side.

    Does nothing where that would leave none to train on.

    Raises:
        OSError: the disk is full; the file is as it was.
    """

    def decide(conversation: Conversation) -> Side:
        return "validation" if position(conversation) in held_out else side(conversation, boundary)

    sides = {decide(conversation) for conversation in parquet.read(path, "train")}
    if sides == {"train", "validation"}:
        parquet.resplit(path, decide)
