"""Which format a file is in, with how much confidence and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from formats import preference
from formats.pairs import PROMPTS, REPLIES
from formats.turns import LISTS
from formats.values import kind, missing

_MEDIA = {"images": "pictures", "image": "pictures", "videos": "videos", "video": "videos", "audios": "sound"}
_MEDIA["audio"] = "sound"
# Keys that may say more of a record than that it is a chat.
_TELLING = frozenset({*_MEDIA, "chosen", "rejected", *preference.KTO_LABELS, "raw", "mapping"})
_OF_REJECTED = frozenset({"file", "record", "code", "raw"})
_PROMPTS, _REPLIES = frozenset(PROMPTS), frozenset(REPLIES)
_ALPACA = frozenset({"instruction", "output", "history"})


@dataclass(frozen=True, slots=True)
class Detection:
    """`format` is "" where none fits; `confidence` is the share of the records looked at that fit it; `reason` why."""

    format: str
    confidence: float
    reason: str


def format_of(record: object) -> tuple[str, str]:
    """(format, the key that says so) of one record, or ("", why none fits).

    Formats that are recognised to be refused by name are "media", "pretraining", "ranking" and "kto".
    """
    if isinstance(record, dict):
        if not _TELLING.isdisjoint(record):
            told = _told(record)
            if told:
                return told
        if "messages" in record:
            return "messages", "messages"
        for name in LISTS:
            if name in record:
                return _list_format(record, name)
        return _pair_format(record)
    if isinstance(record, list):
        keys = {str(key) for turn in record[:1] if isinstance(turn, dict) for key in turn}
        if "role" in keys:
            return "messages", "a list of turns with role"
        if keys & {"from", "speaker", "author", "sender"}:
            return "sharegpt", "a list of turns with from"
        return "", "a list without turns"
    return "", f"{kind(record)} instead of an object"


def _told(record: dict[str, Any]) -> tuple[str, str] | None:
    if record.keys() >= _OF_REJECTED:
        return "rejected", "a record that was rejected, with its reason"
    if isinstance(record.get("mapping"), dict):
        return "chatgpt", "mapping, the tree of a ChatGPT export"
    for key, what in _MEDIA.items():
        if record.get(key) not in (None, [], "", {}):
            return "media", f"conversations with {what}; only text can be trained on"
    if preference.is_ranking(record):
        return "ranking", "ranking data (chosen / rejected), which is for preference training"
    if preference.is_kto(record):
        return "kto", "KTO data (labelled good or bad), which is for preference training"
    return None


def _list_format(record: dict[str, Any], name: str) -> tuple[str, str]:
    if name in ("data", "chat", "items"):  # words that tables use for other things too
        held = record[name]
        if not isinstance(held, (list, str)):
            return _pair_format(record)
    return "sharegpt", name


def _pair_format(record: dict[str, Any]) -> tuple[str, str]:
    keys = {str(key).strip().lower() for key in record}
    prompts, replies = keys & _PROMPTS, keys & _REPLIES
    if prompts and replies:
        named = ", ".join(sorted(prompts | replies))
        return ("alpaca" if keys & _ALPACA and "instruction" in keys else "pairs"), named
    if isinstance(record.get("text"), str) and len(keys) <= 4:
        return "pretraining", "plain text under 'text', which is for pretraining, not chats"
    return "", "keys " + ", ".join(sorted(keys)[:8]) if keys else "it has no keys"


REFUSED = ("media", "pretraining")  # recognised, and never read


def detect(records: Sequence[object]) -> Detection:
    """The format that most of `records` are in."""
    if not records:
        return Detection("", 0.0, "there is no record to look at")
    seen = Counter(format_of(record) for record in records)
    formats: Counter[str] = Counter()
    for (name, _), count in seen.items():
        formats[name] += count
    named = [(count, name) for name, count in formats.items() if name and name not in REFUSED]
    if not named:
        return Detection("", 0.0, f"the records hold {seen.most_common(1)[0][0][1]}")
    count, best = max(named)
    key = next(why for (name, why), _ in seen.most_common() if name == best)
    return Detection(best, count / len(records), f"{count} of the first {len(records)} records have {key}")


def given(value: object) -> bool:
    """Whether a column holds something."""
    return not missing(value) and value not in ([], {})
