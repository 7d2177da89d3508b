"""Rows that are one message each: which of their columns tells the conversation that a message belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from formats.keys import plain_name
from formats.pairs import PROMPTS, REPLIES
from formats.turns import LISTS, ROLE_KEYS, SYSTEM_KEYS, TEXT_KEYS, TOOL_KEYS, turns_key
from formats.values import ROLE_OF, Unusable, id_text

# What a conversation is called, in the order in which the names are tried, and what may stand behind it.
_CONVERSATIONS = ("conversation", "conversations", "conv", "convo", "chat", "dialog", "dialogue")
_CALLED = (*_CONVERSATIONS, "thread", "messagetree", "session", "discussion", "ticket", "case", "episode")
_ENDINGS = ("id", "uuid", "guid", "hash", "key", "number", "num", "no", "nr", "index", "idx", "")
_NAMES = {name: place for place, name in enumerate(name + ending for name in _CALLED for ending in _ENDINGS)}
_EXACT = frozenset(name + ending for name in (*_CONVERSATIONS, "thread", "session") for ending in _ENDINGS if ending)
_NAMES_OF_LISTS = frozenset(name + ending for name in _CONVERSATIONS for ending in _ENDINGS)
# What is called "... id" and tells no conversation: it may well be the same in a few rows that follow one another.
_SMALLER = (
    *("message", "msg", "turn", "round", "step", "exchange", "parent", "prompt", "reply", "response", "request", "run"),
    *("call", "model"),
)
# Who speaks or is spoken with, and what it is about: the same in all conversations of a person, so it tells none.
_PERSONS = (
    *(
        "user",
        "author",
        "sender",
        "speaker",
        "customer",
        "client",
        "account",
        "worker",
        "annotator",
        "rater",
        "labeler",
    ),
    *("labeller", "reviewer", "agent", "assistant", "bot", "person", "persona", "member", "participant", "owner"),
    *("creator", "player", "character", "patient", "student", "teacher", "employee", "operator", "visitor", "guest"),
    *("contact", "recipient", "receiver", "actor", "profile", "from", "caller", "subscriber", "kunde", "kunden"),
    *("nutzer", "usuario", "cliente", "utilisateur"),
)
_THINGS = (
    *("team", "company", "organization", "organisation", "org", "tenant", "workspace", "project", "product", "device"),
    *("store", "shop", "language", "category", "template", "dataset", "source"),
)
_ID = re.compile("(u?u?id|guid|key|number|nummer|num|no|nr)$")
_LISTS, _ROLES, _TEXTS = frozenset(LISTS), frozenset(ROLE_KEYS), frozenset(TEXT_KEYS)
_PROMPTS, _REPLIES = frozenset(PROMPTS), frozenset(REPLIES)


def is_message(row: object) -> bool:
    """Whether the row is one message, with who speaks and what is said, and no chat itself."""
    if not isinstance(row, dict):
        return False
    names = {str(key).strip().lower(): key for key in row}
    if _ROLES.isdisjoint(names) or _TEXTS.isdisjoint(names):
        return False
    if not (_PROMPTS.isdisjoint(names) or _REPLIES.isdisjoint(names)):
        return False
    return all(id_text(held)[:1] not in ("[", "{", "") for name in _LISTS & names.keys() if (held := row[names[name]]))


def is_conversation_name(key: str) -> bool:
    """Whether a column of that name tells the conversation."""
    return plain_name(key) in _NAMES


def names_person_or_thing(key: str) -> bool:
    """Whether a column of that name holds ids of persons, or of things, that have several conversations."""
    return _ID.sub("", plain_name(key)).endswith((*_PERSONS, *_THINGS))


def named_key(row: Mapping[str, Any], exact: bool = False) -> str:
    """The key whose name says that it tells the conversation; "" where there is none. An `exact` name says that it is
    an id, and of nothing that may be worked at for long (a ticket, a case)."""
    if len(row) < 3:
        return ""
    named = [
        (place, str(key))
        for key in row
        if (place := _NAMES.get(name := plain_name(key))) is not None
        and (not exact or name in _EXACT)
        and id_text(row[key])
    ]
    return min(named)[1] if named else ""


def conversation_key(rows: Sequence[object]) -> str:
    """The key that tells the conversation of each of these rows; "" where they are no messages, or none does.

    Where no name says it, it is the first that ends in "id" and is the same in rows that follow one another, the first
    of which is not by the assistant. One of a person or a thing never tells it.
    """
    messages = [row for row in rows if isinstance(row, dict) and is_message(row)]
    if not messages or len(messages) * 2 < len(rows):
        return ""
    named = next((key for row in messages if (key := named_key(row))), "")
    return named or next((str(key) for key in messages[0] if _is_kept_by_runs(messages, key)), "")


def _is_kept_by_runs(rows: list[dict[str, Any]], key: str) -> bool:
    name = plain_name(key)
    may_tell = name.endswith(("id", "uuid")) and not name.startswith(_SMALLER) and not names_person_or_thing(key)
    return may_tell and _parts_by_runs(rows, key)


def _parts_by_runs(rows: Sequence[Mapping[str, Any]], key: str) -> bool:
    """Whether that key is the same in rows that follow one another, the first of which is not by the assistant."""
    ids = [id_text(row.get(key)) for row in rows]
    if not all(ids) or len(set(ids)) == len(ids):
        return False
    runs = [(id, [row for _, row in run]) for id, run in groupby(zip(ids, rows, strict=True), key=lambda each: each[0])]
    return len({id for id, _ in runs}) == len(runs) and not any(
        role_of(run[0]) in ("assistant", "tool") for _, run in runs
    )


def role_of(row: Mapping[str, Any]) -> str:
    """The role of who speaks in a row, "" where that is not known."""
    said = next((row[key] for key in row if str(key).strip().lower() in _ROLES), "")
    return ROLE_OF.get(said.strip().lower(), "") if isinstance(said, str) else ""


def refuse_several(turns: Sequence[object], field: str) -> None:
    """Raise Unusable where the turns of one chat name several conversations that they belong to."""
    first = turns[0] if turns else None
    if not isinstance(first, dict) or len(first) < 3:
        return
    if plain_name(key := named_key(first)) not in _NAMES_OF_LISTS:
        messages = [turn for turn in turns if isinstance(turn, dict)]
        persons = (str(key) for key in first if names_person_or_thing(str(key)) and _parts_by_runs(messages, str(key)))
        if not (key := next(persons, "")):
            return
    ids = {id_text(turn.get(key)) for turn in turns if isinstance(turn, dict)}
    if len(ids) > 1:
        problem = f"it holds messages of {len(ids)} conversations in one list: their {key} differs."
        fix = "Write a record for each conversation, or one for each message with the id of its conversation."
        raise Unusable(field, "several_conversations", problem, fix)


def rows_of_several(record: object) -> list[tuple[str, object]] | None:
    """The messages of an object that only wraps those of several conversations, as `formats.wrapped` gives rows; None
    where it is a chat of its own, or holds a system message or tools too."""
    if not isinstance(record, dict) or not {*SYSTEM_KEYS, *TOOL_KEYS}.isdisjoint(record):
        return None
    key, sure = turns_key(record)
    if not sure:
        return None
    ids = conversation_key(record[key])
    several = ids and len({id_text(row.get(ids)) for row in record[key] if isinstance(row, dict)}) > 1
    return [("", row) for row in record[key]] if several else None
