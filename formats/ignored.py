"""What of a record a conversation has no place for: it is told, so that nothing is lost silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from formats import preference
from formats.columns import Columns
from formats.detect import format_of, given
from formats.pairs import INPUTS, PROMPTS, REPLIES
from formats.turns import CALL_KEYS, REASONING_KEYS, ROLE_KEYS, SYSTEM_KEYS, TEXT_KEYS, TOOL_KEYS, turns_key
from formats.values import FLAGS, first_of, plain_keys

_BESIDE = (*SYSTEM_KEYS, *TOOL_KEYS, *FLAGS)
_PAIR = frozenset((*PROMPTS, *REPLIES, *INPUTS, *_BESIDE, "history"))
_RANKING = _PAIR | {"chosen", "rejected"}
_TREE = frozenset({"mapping", "current_node"})
_OF_TURN = frozenset((*REASONING_KEYS, *CALL_KEYS, *FLAGS, "name", "tool_call_id"))
MOST = 1000  # sets of keys that are remembered: in some files all records have other keys

# What is known already of records with these keys, and of turns: the keys that have to be looked at.
Known = dict[tuple[str, ...], list[str]]


def ignored(record: dict[str, Any], columns: Columns | None, known: Known) -> list[str]:
    """The keys of a record, and of its turns ("messages.refusal"), that hold something and were not read.

    `known` is where keys that were seen before are kept between calls; it starts empty.
    """
    if columns:
        return _given(record, ("", *record), known, lambda: _mapped(columns, record))
    key, sure = turns_key(record)
    if not sure:
        plain = plain_keys(record)
        if plain is not record and turns_key(plain)[1]:
            return ignored(plain, columns, known)
        return _given(record, ("", *record), known, lambda: _carried(plain, ""))
    found = _given(record, (key, *record), known, lambda: _carried(record, key))
    turns = record[key]
    if max(map(len, turns)) > 2:
        inside = {each for turn in turns if type(turn) is dict and len(turn) > 2 for each in _of_turn(turn, known)}
        found += [f"{key}.{each}" for each in sorted(inside)]
    return found


def _given(
    record: dict[str, Any], names: tuple[str, ...], known: Known, carried: Callable[[], frozenset[str]]
) -> list[str]:
    """The keys that hold something and are not carried. What is carried is asked once for records with these names."""
    looked_at = known.get(names)
    if looked_at is None:
        if len(known) > MOST:
            known.clear()
        kept = carried()
        looked_at = known[names] = [each for each in record if each not in kept and each.strip().lower() not in kept]
    return [each for each in looked_at if given(record[each])] if looked_at else []


def _carried(record: dict[str, Any], turns: str) -> frozenset[str]:
    """The keys, in lower case, that are read of a record with lower keys, whose turns stand under that key."""
    if preference.is_ranking(record):
        return _RANKING | {turns}
    labels = preference.KTO_LABELS if preference.is_kto(record) else ()
    if turns:
        return frozenset((turns, *_BESIDE, *labels))
    return _TREE if format_of(record)[0] == "chatgpt" else _PAIR.union(labels)


def _mapped(columns: Columns, record: dict[str, Any]) -> frozenset[str]:
    chosen = (columns.prompt, columns.reply, columns.input, columns.system, columns.turns)
    named = {column if column in record else column.partition(".")[0] for column in chosen}
    return frozenset((*named, "tools", *(() if columns.turns else FLAGS)))


def _of_turn(turn: dict[str, Any], known: Known) -> list[str]:
    names = (".", *turn)
    if names not in known:
        if len(known) > MOST:
            known.clear()
        known[names] = [key for key in turn if key not in _OF_TURN]
    taken = (first_of(turn, *ROLE_KEYS)[0], first_of(turn, *TEXT_KEYS)[0])
    held = [turn[key] for key in taken if key in turn]
    return [key for key in known[names] if key not in taken and given(turn[key]) and turn[key] not in held]
