"""Which columns of rows that are one message each tell the conversation, who speaks, what is said, and the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from formats.cells import kind_of
from formats.conversation import Role
from formats.keys import plain_name
from formats.message_rows import is_conversation_name, names_person_or_thing
from formats.order import is_order_name, sort_values
from formats.turns import ROLE_KEYS, TEXT_KEYS
from formats.values import ROLE_OF, id_text

_SPEAKERS = 6  # at most
_NUMBERED = ("id", "no", "nr", "num", "number", "nummer", "key")  # how a column of numbers that are ids is called


def columns_of_messages(rows: Sequence[dict[str, Any]], texts: Mapping[str, float]) -> dict[str, Any] | None:
    """The fields of `formats.columns.Columns` for rows that are one message each; None where they seem not to be.

    `texts` is how long the texts of a column are, for those that hold text. Where a conversation has several rows, who
    speaks changes from one to the next.
    """
    columns = {str(key): [id_text(row.get(key)) for row in rows] for key in rows[0]}
    repeated = {key: ids for key, ids in columns.items() if 1 < len(set(ids)) <= len(rows) // 2 and all(ids)}
    speakers = [key for key in texts if key in repeated and len(set(repeated[key])) <= _SPEAKERS]
    for role in sorted(speakers, key=lambda key: key.lower() not in ROLE_KEYS):
        for conversation in columns:
            left = {key: length for key, length in texts.items() if key not in (conversation, role)}
            if conversation == role or not left or not _tells_conversation(conversation, columns, repeated, role):
                continue
            text = next((key for key in left if key.lower() in TEXT_KEYS), "") or max(left, key=left.__getitem__)
            others = [key for key in columns if key not in (conversation, role, text) and sort_values(columns[key])]
            order = next((key for key in others if is_order_name(key)), "")
            order = order or next((key for key in others if kind_of(columns[key]) == "time"), "")
            known = (sort_values(columns[order]) if order else None) or [0] * len(rows)
            spoken = [columns[role][place] for place in sorted(range(len(rows)), key=known.__getitem__)]
            roles = roles_of(spoken)
            return {"conversation": conversation, "order": order, "role": role, "text": text, "roles": roles}
    return None


def _tells_conversation(
    name: str, columns: Mapping[str, list[str]], repeated: Mapping[str, list[str]], role: str
) -> bool:
    """Whether the column of that name is an id, and who speaks changes in rows of one id more often than not."""
    ids = columns[name]
    if names_person_or_thing(name):
        return False
    if not is_conversation_name(name):
        kind = kind_of(ids) if name in repeated else ""
        in_runs = sum(1 for _ in groupby(ids)) == len(set(ids))
        is_number = kind in ("number", "flag") and (in_runs or plain_name(name).endswith(_NUMBERED))
        if kind != "id" and not is_number:
            return False
    said: dict[str, list[str]] = {}
    for id, speaker in zip(ids, columns[role], strict=True):
        said.setdefault(id, []).append(speaker)
    changes = [before != after for speakers in said.values() for before, after in pairwise(speakers)]
    return bool(changes) and 2 * sum(changes) >= len(changes)


def roles_of(speakers: Iterable[str]) -> dict[str, Role]:
    """The role of each speaker, in the order in which they speak: of those whose names say nothing, the first asks, and
    the others answer."""
    names = list(dict.fromkeys(speakers))
    known: dict[str, Role] = {name: ROLE_OF[name.lower()] for name in names if name.lower() in ROLE_OF}
    for name in names:
        if name not in known:
            known[name] = "assistant" if "user" in known.values() else "user"
    return known
