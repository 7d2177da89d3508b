"""Which format a file is in, with how much confidence and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from formats.sharegpt import LISTS
from formats.values import kind

# What cannot be trained on as chats, by the keys that give it away.
_REFUSED: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"chosen", "rejected"}), "ranking data (chosen / rejected), which is for preference training"),
    (frozenset({"kto_tag"}), "KTO data (labelled good or bad), which is for preference training"),
    (frozenset({"images"}), "conversations with pictures; only text can be trained on"),
    (frozenset({"videos"}), "conversations with videos; only text can be trained on"),
    (frozenset({"audios"}), "conversations with sound; only text can be trained on"),
)


@dataclass(frozen=True, slots=True)
class Detection:
    """`format` is "" where none fits; `confidence` is the share of the records looked at that fit it; `reason` why."""

    format: str
    confidence: float
    reason: str


def format_of(record: object) -> tuple[str, str]:
    """(format, the key that says so) of one record, or ("", why none fits)."""
    if isinstance(record, list):
        keys: set[str] = {str(key) for turn in record[:1] if isinstance(turn, dict) for key in turn}
        if "role" in keys:
            return "messages", "a list of turns with role"
        return ("sharegpt", "a list of turns with from") if "from" in keys else ("", "a list without turns")
    if not isinstance(record, dict):
        return "", f"{kind(record)} instead of an object"
    keys = {str(key) for key in record}
    for refused, what in _REFUSED:
        if refused <= keys and all(record.get(key) not in (None, [], "") for key in refused):
            return "", what
    if "messages" in keys:
        return "messages", "messages"
    for name in LISTS:
        if name in keys:
            return "sharegpt", name
    if keys & {"instruction", "prompt", "question"} and keys & {"output", "response", "completion", "answer"}:
        return "alpaca", ", ".join(sorted(keys & {"instruction", "prompt", "question", "input", "output", "response"}))
    if "text" in keys and isinstance(record.get("text"), str):
        return "", "plain text under 'text', which is for pretraining, not chats"
    return "", "keys " + ", ".join(sorted(keys)[:8]) if keys else "it has no keys"


def detect(records: Sequence[object]) -> Detection:
    """The format that most of `records` are in."""
    if not records:
        return Detection("", 0.0, "there is no record to look at")
    seen = Counter(format_of(record) for record in records)
    formats: Counter[str] = Counter()
    for (name, _), count in seen.items():
        formats[name] += count
    named = [(count, name) for name, count in formats.items() if name]
    if not named:
        return Detection("", 0.0, f"the records hold {seen.most_common(1)[0][0][1]}")
    count, best = max(named)
    key = next(why for (name, why), _ in seen.most_common() if name == best)
    return Detection(best, count / len(records), f"{count} of the first {len(records)} records have {key}")
