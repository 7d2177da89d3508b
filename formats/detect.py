"""Which format a file is in, with how much confidence and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from formats import preference
from formats.message_rows import conversation_key, is_message
from formats.pairs import PROMPTS, REPLIES
from formats.problems import writable
from formats.reading import Reading
from formats.turns import turns_key
from formats.values import kind, missing, plain_keys

COLUMNS = "columns"  # the format of a file that is read by its columns
LOOKED_AT = 100  # records that tell the format of a file: its first ones
_MEDIA = {"images": "pictures", "image": "pictures", "videos": "videos", "video": "videos", "audios": "sound"}
_MEDIA["audio"] = "sound"
# Keys that may say more of a record than that it is a chat.
_TELLING = frozenset({*_MEDIA, "chosen", "rejected", "preferred_output", *preference.KTO_LABELS, "raw", "mapping"})
_OF_REJECTED = frozenset({"file", "record", "code", "raw"})
_PROMPTS, _REPLIES = frozenset(PROMPTS), frozenset(REPLIES)
_ALPACA = frozenset({"instruction", "output", "history"})
_PAIRS = ("alpaca", "pairs")
_VAGUE = ("data", "chat", "items")


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
        key, sure = turns_key(record)
        if sure:
            return ("messages" if key == "messages" else "sharegpt"), key
        plain = plain_keys(record)
        if plain is not record:
            chosen, why = format_of(plain)
            return chosen, why if chosen or why.startswith("one message") else _names(record)
        if _is_ranked_tree(record):
            return "oasst", "prompt, a message with the replies to it"
        found = _pair_format(record)
        # Tables use some of the words for other things too.
        if not key or found[0] in _PAIRS or (key in _VAGUE and not isinstance(record[key], (list, str))):
            return found
        return ("messages" if key == "messages" else "sharegpt"), key
    if isinstance(record, list):
        keys = {str(key) for turn in record[:1] if isinstance(turn, dict) for key in turn}
        if "role" in keys:
            return "messages", "a list of turns with role"
        if keys & {"from", "speaker", "author", "sender"}:
            return "sharegpt", "a list of turns with from"
        return "", "a list without turns"
    return "", f"{kind(record)} instead of an object"


def is_rejected(record: dict[str, Any]) -> bool:
    """Whether the record is a line of rejected.jsonl."""
    return "raw" in record and record.keys() >= _OF_REJECTED


def _told(record: dict[str, Any]) -> tuple[str, str] | None:
    if is_rejected(record):
        return "rejected", "a record that was rejected, with its reason"
    if _is_tree(record):
        return "chatgpt", "mapping, the tree of a ChatGPT export"
    for key, what in _MEDIA.items():
        if given(record.get(key)) and record[key] is not False:
            return "media", f"conversations with {what}; only text can be trained on"
    if preference.is_ranking(record):
        return "ranking", "ranking data (an answer chosen and one rejected), which is for preference training"
    if preference.is_kto(record):
        return "kto", "KTO data (labelled good or bad), which is for preference training"
    return None


def _pair_format(record: dict[str, Any]) -> tuple[str, str]:
    keys = {str(key).strip().lower() for key in record}
    prompts, replies = keys & _PROMPTS, keys & _REPLIES
    if prompts and replies:
        named = ", ".join(sorted(prompts | replies))
        return ("alpaca" if keys & _ALPACA and "instruction" in keys else "pairs"), named
    if is_message(record):
        return "", "one message each, and no whole conversation"
    if isinstance(record.get("text"), str) and len(keys) <= 4:
        return "pretraining", "plain text under 'text', which is for pretraining, not chats"
    return "", _names(record)


def _names(record: dict[str, Any]) -> str:
    """The names of the keys as they are written, at most eight."""
    return writable("keys " + ", ".join(str(key)[:60] for key in list(record)[:8])) if record else "it has no keys"


def _is_tree(record: dict[str, Any]) -> bool:
    """Whether the record is a chat of a ChatGPT export, and not one that maps something else."""
    nodes = record.get("mapping")
    if not isinstance(nodes, dict) or turns_key(record)[1]:
        return False
    return not nodes or "current_node" in record or any(isinstance(x, dict) and "message" in x for x in nodes.values())


def _is_ranked_tree(record: dict[str, Any]) -> bool:
    """Whether the record is a tree of OASST: a prompt that holds the replies to it, which hold those to them."""
    prompt = record.get("prompt")
    return isinstance(prompt, dict) and isinstance(prompt.get("replies"), list)


def described(records: Sequence[object], reading: Reading) -> Detection:
    """How a file that begins with these records is read. The format or the columns that were chosen are taken as they
    are; columns of another file, which this one has none of, where it is in a known format, are not meant for it."""
    if reading.columns is None:
        return detect(records) if reading.format == "auto" else Detection(reading.format, 1.0, "chosen by you")
    own = detect(records)
    if own.format and not any(map(reading.columns.are_in, records)):
        return Detection(own.format, own.confidence, f"{own.reason}; it has none of the columns chosen")
    return Detection(COLUMNS, 1.0, "columns chosen by you")


def reading_of(found: Detection, reading: Reading) -> Reading:
    """How a file is read of which `described` found that."""
    return reading if found.format == COLUMNS else reading.without_columns()


REFUSED = ("media", "pretraining")  # recognised, and never read


def detect(records: Sequence[object]) -> Detection:
    """The format that most of `records` are in."""
    if not records:
        return Detection("", 0.0, "there is no record to look at")
    key = conversation_key(records)
    if key:
        return Detection("messages", 1.0, f"each record is one message, and {writable(key)} tells its conversation")
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
