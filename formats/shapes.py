"""Lists that are turns in another shape: pairs of a prompt and its reply, and texts in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from formats.speakers import ROLE_KEYS
from formats.values import FLAGS, blank, missing

# What a pair in a list of them has: the keys of its prompt and of its reply.
_PAIRS = (
    *(("instruction", "output"), ("instruction", "response"), ("prompt", "response"), ("prompt", "completion")),
    *(("question", "answer"), ("q", "a"), ("query", "response"), ("user", "assistant"), ("human", "assistant")),
    *(("human", "gpt"), ("human", "bot"), ("user", "bot"), ("input", "output")),
)
_ASKED = ("input", "context")  # what is asked beside an instruction, as Alpaca and Dolly call it
# Keys of a list of what is said in turn; others ("items", say) may list anything.
OF_A_CHAT = ("conversation", "conversations", "dialog", "dialogue", "dialogs", "chat", "turns", "messages")
_ROLES = frozenset(ROLE_KEYS)
Turn = dict[str, Any]


def pair_keys(turn: object) -> tuple[str, str] | None:
    """The keys of the prompt and the reply where a turn is a pair of them; else None."""
    if not isinstance(turn, dict) or len(turn) < 2 or not _ROLES.isdisjoint(turn):
        return None
    return next((pair for pair in _PAIRS if pair[0] in turn and pair[1] in turn), None)


def as_turns(turns: list[Any], field: str, record: Mapping[str, Any], repairs: list[str]) -> list[Any]:
    """The turns of a list of pairs, or of texts that are said in turn, the first by the person; the list as it is where
    it is neither. Where nothing but the shape says that they are of one chat, that is added to `repairs`."""
    if pair_keys(turns[0] if turns else None):
        keys = [pair_keys(turn) for turn in turns]
        pairs = [(turn, pair) for turn, pair in zip(turns, keys, strict=True) if pair]
        if len(pairs) == len(turns):
            if len(turns) > 1 and field.lower() not in OF_A_CHAT:
                repairs.append("pairs_joined")
            return _system(turns[0]) + [said for turn, pair in pairs for said in _of_pair(turn, *pair)]
    elif turns and isinstance(turns[0], str) and _are_in_turn(field, record):
        return texts_as_turns(turns, repairs)
    return turns


def _system(pair: Turn) -> list[Turn]:
    """The system turn that the first pair gives (as XTuner writes it)."""
    system = pair.get("system")
    return [] if blank(system) else [{"role": "system", "content": system}]


def _of_pair(turn: Turn, prompt: str, reply: str) -> tuple[Turn, Turn]:
    rest = {key: value for key, value in turn.items() if key not in (prompt, reply, *_ASKED, "system")}
    asked = [turn[key] for key in dict.fromkeys((prompt, *_ASKED)) if not blank(turn.get(key))]
    together = "\n".join(asked) if len(asked) > 1 and all(isinstance(text, str) for text in asked) else turn[prompt]
    return {"role": "user", "content": together}, {**rest, "role": "assistant", "content": turn[reply]}


def unread_of_pairs(pairs: list[Any]) -> set[str]:
    """The keys of a list of pairs that hold something and are not read as `as_turns` reads it."""
    unread: set[str] = set()
    for number, turn in enumerate(pairs):
        read = {*(pair_keys(turn) or ()), *_ASKED, *FLAGS, *(() if number else ("system",))}
        unread.update(key for key, value in turn.items() if key not in read and not missing(value))
    return unread


def texts_as_turns(turns: list[Any], repairs: list[str]) -> list[Any]:
    """The turns of a list of texts that two say in turn, the first by the person, which is added to `repairs`; the list
    as it is where it is none."""
    if len(turns) < 2 or not all(isinstance(text, str) and text.lstrip()[:1] not in ("{", "[") for text in turns):
        return turns
    repairs.append("texts_in_turn")
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]


def _are_in_turn(field: str, record: Mapping[str, Any]) -> bool:
    """Whether texts under that key of a record are said in turn: by two, where it names who speaks."""
    speakers = record.get("speakers")
    if isinstance(speakers, list):
        first, second = map(set, (map(str, speakers[0::2]), map(str, speakers[1::2])))
        return len(first) == len(second) == 1 and first != second
    return field.lower() in OF_A_CHAT or (field == "data" and len(record) <= 2)


def is_service(turn: Turn) -> bool:
    """Whether a turn only tells what was done in a chat, as Telegram writes it: nobody says anything in it."""
    return turn.get("type") == "service" and blank(turn.get("text"))


def how_to_name(turn: Turn) -> str:
    """What to do with a turn whose keys do not name its role and its text."""
    if _ROLES.isdisjoint(turn):
        return "Give it who speaks under role, and what is said under content, or leave it out."
    return "Give it what is said under content, or leave it out."
