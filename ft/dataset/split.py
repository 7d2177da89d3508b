"""Which conversations are trained on and which are held out: by the hash of the opening, never by place in the file."""

from __future__ import annotations

import hashlib
import math
from typing import Literal

from formats.conversation import Conversation

Side = Literal["train", "validation"]


def normalised(text: str) -> str:
    """`text` with its case folded and every run of whitespace made one space: what makes two texts "the same" here."""
    return " ".join(text.split()).casefold()


def opening(conversation: Conversation) -> str:
    """The normalised first user turn; the first turn that is no system turn where there is no user turn."""
    for role_fits in (lambda role: role == "user", lambda role: role != "system"):
        for message in conversation.messages:
            if role_fits(message.role):
                return normalised(message.content)
    return ""


def position(conversation: Conversation) -> float:
    """Where the conversation's opening lies in [0, 1): 53 bits of its SHA-256, so the same on every machine."""
    digest = hashlib.sha256(opening(conversation).encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def side(conversation: Conversation, fraction: float) -> Side:
    """Which side it is on: "validation" for about `fraction` (0 to 1) of all openings. The same opening lands alike."""
    return "validation" if position(conversation) < fraction else "train"


def boundary(fraction: float, lowest: float, highest: float) -> float:
    """The fraction to hand to `side` so that neither side of a small dataset is empty.

    `lowest` and `highest` are the extremes of `position` over the dataset. Where none of them falls below `fraction`,
    the opening that comes closest is held out; where all of them do, the one that is furthest is trained on. With one
    opening alone (lowest == highest) there is nothing to share out, and everything is trained on. Zero stays zero.
    """
    if fraction <= 0 or lowest >= highest:
        return 0.0
    if lowest >= fraction:
        return math.nextafter(lowest, 1.0)
    return min(fraction, highest)
