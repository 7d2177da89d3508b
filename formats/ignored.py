"""What of a record a conversation has no place for: it is told, so that nothing is lost silently."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from formats import preference, thoughts, values
from formats.branches import links_of
from formats.calls import OF_CALL
from formats.columns import Columns, within
from formats.detect import format_of, given
from formats.flags import is_flag
from formats.pairs import INPUTS, PROMPTS, REPLIES
from formats.shapes import pair_keys, unread_of_pairs
from formats.speakers import NAME_KEYS, ROLE_KEYS, is_read_as_name, name_in, unread_of_speaker
from formats.turns import (
    CALL_KEYS,
    LISTS,
    SYSTEM_KEYS,
    TOOL_KEYS,
    reply_beside,
    role_key_of,
    text_key_of,
    thought_key_of,
    turns_key,
)
from formats.values import FLAGS, plain_keys

_BESIDE = (*SYSTEM_KEYS, *TOOL_KEYS, *FLAGS)
_PAIR = frozenset((*PROMPTS, *REPLIES, *INPUTS, *_BESIDE, "history"))
_RANKING = _PAIR | {"chosen", "rejected"}
_TREE = frozenset({"mapping", "current_node"})
_OF_TURN = frozenset((*CALL_KEYS, *FLAGS))
_OF_PART = frozenset(("type", "text", "value", "content", "summary"))
_OF_TOOL_PART = frozenset((*_OF_PART, "id", "name", "input", "tool_use_id"))
_ROLES = frozenset(ROLE_KEYS)
_SPEAKERS = frozenset((*ROLE_KEYS, *NAME_KEYS))
_HOLD_TURNS = frozenset((*LISTS, "prompt", "chosen", *REPLIES))
_USUAL = ("", "", "")
_TEXT_PART = frozenset({"type", "text"})
MOST = 1000  # sets of keys that are remembered: in some files all records have other keys

# What is known already of records with these keys, and of turns: the keys that have to be looked at.
Known = dict[tuple[str, ...], list[str]]
_Keys = tuple[str, str, str]  # that a turn's role, text and reasoning stand under; "": the usual ones


def ignored(record: object, columns: Columns | None, known: Known) -> list[str]:
    """The keys of a record that hold something and were not read; those of its turns as "messages.refusal", those of
    the parts of a text as "messages.content.citations". A bare list of turns gives the keys of its turns.

    `known` is where keys that were seen before are kept between calls; it starts empty.
    """
    record = _decoded(record)
    if isinstance(record, list):
        return _inside("", record, (columns.role, columns.text, columns.reasoning) if columns else _USUAL, known)
    if not isinstance(record, dict):
        return []
    if columns and columns.turns:
        keys = (columns.role, columns.text, columns.reasoning)
        found = list(_beside(record, {columns.turns, columns.system, "tools"}))
        return found + _inside(columns.turns, within(record, columns.turns), keys, known)
    if columns:
        chosen = {columns.prompt, columns.reply, columns.input, columns.system, columns.reasoning}
        return list(_beside(record, {*chosen, "tools", *FLAGS}))
    if preference.is_ranking(record):
        record = preference.usual_ranking(record)
    key, sure = turns_key(record)
    if not sure:
        plain = plain_keys(record)
        if plain is not record and turns_key(plain)[1]:
            return ignored(plain, columns, known)
        return _of_others(record, plain, known)
    found = _given(record, (key, *record), known, lambda: _carried(record, key))
    if found and (beside := reply_beside(record, record[key])) in found:
        found = [each for each in found if each != beside]
    found += _inside(key, record[key], _USUAL, known)
    return found + _inside("chosen", record["chosen"], _USUAL, known) if preference.is_ranking(record) else found


def _of_others(record: dict[str, Any], plain: dict[str, Any], known: Known) -> list[str]:
    """As `ignored`, of a record without a list that is sure to hold turns; `plain` has its keys in lower case."""
    found = _given(record, ("", *record), known, lambda: _carried(plain, ""))
    lists = {key: turns for key in plain if key in _HOLD_TURNS and (turns := _turns_in(plain[key]))}
    if not found and not lists:
        return []
    read, kind = set(lists), format_of(plain)[0]
    if kind in ("messages", "sharegpt"):
        read = {turns_key(plain)[0]}
    elif kind in ("alpaca", "pairs", "kto"):
        read = read.difference(LISTS) or {thoughts.column_in(plain)}
    read.discard("")  # none was found, which is not the column ""
    found = [key for key in found if key.strip().lower() not in read]
    for key in read:
        if isinstance(pairs := plain.get(key), list) and all(map(pair_keys, pairs)):
            found += [f"{key}.{each}" for each in sorted(unread_of_pairs(pairs))]
    return found + [each for key, turns in lists.items() if key in read for each in _inside(key, turns, _USUAL, known)]


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


def _beside(record: dict[str, Any], chosen: set[str], before: str = "") -> Iterator[str]:
    """The keys that hold something beside the chosen ones, of which some lie deeper ("data.chat")."""
    for key, value in record.items():
        if key in chosen or not given(value):
            continue
        deeper = {rest for path in chosen for first, dot, rest in [path.partition(".")] if dot and first == key}
        inner = _decoded(value) if deeper else None
        if isinstance(inner, dict):
            yield from _beside(inner, deeper, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def _inside(column: str, held: object, keys: _Keys, known: Known) -> list[str]:
    """The keys of the turns in `held`, a list of them or one, that hold something and were not read."""
    found: set[str] = set()
    turns = _listed(held)
    for turn in turns:
        turn = _decoded(turn) if type(turn) is str else turn
        if type(turn) is dict and not (len(turn) == 2 and all(map(_is_text, turn.values()))):
            found.update(_of_turn(turn, keys, known))
    found -= links_of(turns) if found else set()
    return [f"{column}.{key}" if column else key for key in sorted(found)]


def _is_text(value: object) -> bool:
    """Whether that is a text in one part or in several, and nothing more."""
    if type(value) is not list:
        return type(value) is str
    return all(type(part) is dict and part.keys() <= _TEXT_PART for part in value)


def _of_turn(turn: dict[str, Any], keys: _Keys, known: Known) -> Iterator[str]:
    names = (".", *turn)
    if names not in known:
        if len(known) > MOST:
            known.clear()
        known[names] = [key for key in turn if key not in _OF_TURN]
    taken = (role_key_of(turn, keys[0]), text_key_of(turn, keys[1]), thought_key_of(turn, keys[2]))
    held = [turn[key] for key in taken if key in turn]
    text, name = turn.get(taken[1]), name_in(turn, taken[0])
    if isinstance(text, list):
        held.append(values.join_texts(str(part.get("text")) if isinstance(part, dict) else str(part) for part in text))
        for part in text:
            yield from (f"{taken[1]}.{key}" for key in _of_part(part))
    for key in CALL_KEYS:
        for call in _listed(turn.get(key)):
            yield from (f"{key}.{inner}" for inner in _of_call(call))
    for key in known[names]:
        value = turn[key]
        if key in _SPEAKERS and isinstance(value, dict):
            yield from (f"{key}.{inner}" for inner in unread_of_speaker(value, name) if given(value[inner]))
        elif key not in taken and given(value) and value not in held and not _is_read(key, value, name):
            yield key


def _is_read(key: str, value: object, name: str | None) -> bool:
    """Whether that key of a turn was read: as a name, a flag, or a mark of a thought."""
    if key in ("name", "tool_call_id"):
        return isinstance(value, str)
    return thoughts.is_mark(key, value) or is_flag(key, value) or is_read_as_name(key, value, name)


def _of_part(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        read = _OF_TOOL_PART if part.get("type") in ("tool_use", "tool_result") else _OF_PART
        for key, value in part.items():
            if key not in read and key != part.get("type") and given(value) and not thoughts.is_mark(key, value):
                yield key


def _of_call(call: object) -> Iterator[str]:
    if isinstance(call, dict):
        for key, value in call.items():
            if key == "function" and isinstance(value, dict):
                yield from (f"{key}.{inner}" for inner in _of_call(value))
            elif key not in OF_CALL and given(value):
                yield key


def _turns_in(value: object) -> list[Any]:
    """The turns that a column holds; none where it holds something else."""
    if isinstance(value, str) and value[:1].isalnum():  # as nearly all do: a text
        return []
    turns = _listed(value)
    return turns if isinstance(turns[0] if turns else None, dict) and not _ROLES.isdisjoint(turns[0]) else []


def _listed(value: object) -> list[Any]:
    value = _decoded(value) if isinstance(value, str) else value
    return value if isinstance(value, list) else [value]


def _decoded(value: object) -> object:
    """The value that stands as JSON text (up to twice), where it does; else the value as it is."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", '"'):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            break
    return value
