"""Which conversations are trained on and which are held out: by the hash of the opening, never by place in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Literal

from formats.conversation import Conversation
from ft.errors import UserError

Side = Literal["train", "validation"]
HELD_OUT = 10  # percent, unless said otherwise
MOST_HELD_OUT = 50
SMALL = 1000  # openings; from here on about `fraction` of them fall below it by themselves
_ASCII = bytes(range(128))
_FOLDED = bytes((ord(" ") if chr(b).isspace() else ord(chr(b).lower())) if b < 128 else b for b in range(256))


def normalised(text: str) -> str:
    """`text` with its case folded and every run of whitespace made one space: what makes two texts "the same" here."""
    return normalised_bytes(text).decode("utf-8", "surrogatepass")


def normalised_bytes(text: str) -> bytes:
    """`normalised(text)` in UTF-8."""
    written = text.encode("utf-8", "surrogatepass")
    if len(written) != len(text) and not _all_plain(text, written):
        return " ".join(text.split()).casefold().encode("utf-8", "surrogatepass")
    folded = written.translate(_FOLDED).strip()  # the same, several times faster
    while b"  " in folded:
        folded = folded.replace(b"  ", b" ")
    return folded


def _all_plain(text: str, written: bytes) -> bool:
    """Whether all capitals and white space of a text (in UTF-8: `written`) are ASCII; False where most of it is not."""
    if len(written) > 1.5 * len(text):
        return False
    beyond = written.translate(None, _ASCII).decode("utf-8", "surrogatepass")
    return beyond.casefold() == beyond and beyond.split() == [beyond]


def opening(conversation: Conversation) -> str:
    """The normalised first user turn; the first turn that is no system turn where there is no user turn."""
    return normalised(_opening(conversation))


def _opening(conversation: Conversation) -> str:
    first = None
    for message in conversation.messages:
        if message.role == "user":
            return message.content
        if first is None and message.role != "system":
            first = message.content
    return first or ""


def position(conversation: Conversation) -> float:
    """Where the conversation's opening lies in [0, 1): 53 bits of its SHA-256, so the same on every machine."""
    digest = hashlib.sha256(normalised_bytes(_opening(conversation))).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def fraction_of(percent: float) -> float:
    """`percent` to hold out, as a fraction.

    Raises:
        UserError: it is not from 0 to MOST_HELD_OUT.
    """
    if not 0 <= percent <= MOST_HELD_OUT:
        todo = f"Hold out {HELD_OUT} for a tenth, or 0 to train on everything."
        raise UserError(f"held out {percent:g} %", f"it is not from 0 to {MOST_HELD_OUT}.", todo)
    return percent / 100


def side(conversation: Conversation, fraction: float) -> Side:
    """Which side it is on: "validation" for about `fraction` (0 to 1) of all openings. The same opening lands alike."""
    return "validation" if position(conversation) < fraction else "train"


def boundary(fraction: float, places: Collection[float]) -> float:
    """The fraction to hand to `side` for a dataset whose first openings (SMALL at most) have the positions `places`.

    A small dataset gets as near to `fraction` as its number of openings allows, and no side of it is empty: with two
    openings or more, at least one is held out and one is trained on. From SMALL openings on the hash alone is near
    enough, and `fraction` is the boundary unless a side would be empty. Zero stays zero, and with one opening
    there is nothing to share out: everything is trained on.
    """
    if fraction <= 0 or len(places) < 2:
        return 0.0
    ordered = sorted(places)
    if len(ordered) >= SMALL and ordered[0] < fraction <= ordered[-1]:
        return fraction
    return ordered[min(len(ordered) - 1, max(1, round(fraction * len(ordered))))]
