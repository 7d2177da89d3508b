"""Which column of records of no known format is what, guessed: by the names of the columns, then by what they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from formats import pairs, thoughts, values
from formats.cells import kind_of
from formats.columns import Columns, names, within
from formats.exchanges import order_key, shared_id
from formats.guess_rows import columns_of_messages, roles_of
from formats.message_rows import is_message
from formats.turns import ROLE_KEYS, TEXT_KEYS
from formats.values import ROLE_OF, Unusable

_CHOICE = re.compile(r"(?:(?<=[a-z])(?=[A-Z12])|[_ .-])(?:[abAB12]|left|right|one|two|first|second)$")
# Parts of names, also in other languages of the West.
_ASKING = ("quest", "prompt", "instruct", "user", "human", "frage", "pregunta", "pergunta", "domanda", "ask", "input")
_ANSWERING = ("answ", "respon", "reply", "output", "assist", "bot", "complet", "antwort", "respuesta", "réponse")


def guess(records: Sequence[object]) -> tuple[Columns | None, str]:
    """How the records might be read, and why; (None, why not) where nothing in them looks like a chat."""
    rows = [record for record in records if isinstance(record, dict)]
    if not rows:
        return None, "the records are no objects with columns"
    columns = names(rows)
    lists = {column: held for column in columns if (held := _first_turns(rows, column))}
    several = _to_choose_from(list(lists))
    if several:
        named = " and ".join(several)
        return None, f"{named} each hold a list of turns, and which of them is the better one is not told"
    for column, turns in lists.items():
        return _of_turns(column, turns, [held for row in rows for held in _turn_list(within(row, column))])
    texts = {c: [v for row in rows if isinstance(v := within(row, c), str) and v.strip()] for c in columns}
    full = {column: sum(map(len, held)) / len(held) for column, held in texts.items() if len(held) * 2 >= len(rows)}
    thought = [column for column in columns if column.strip().lower().rpartition(".")[2] in thoughts.COLUMNS]
    reasoning = next((c for c in thought if any(thoughts.says_something(within(row, c)) for row in rows)), "")
    kinds = {column: kind_of(texts[column]) for column in full if column not in thought}
    answers = {column: full[column] for column, kind in kinds.items() if kind in ("text", "number", "flag")}
    full = {column: length for column, length in full.items() if kinds.get(column) == "text"}
    prompt = _named(full, pairs.PROMPTS) or _like(full, _ASKING)
    reply = _named(answers, pairs.REPLIES) or _like(full, _ANSWERING)
    of_rows = None if prompt and reply else columns_of_messages(rows, full)
    if of_rows:
        conversation, role, text = (of_rows[name] for name in ("conversation", "role", "text"))
        why = f"each record is one message: {conversation} tells its conversation, {role} who speaks"
        return Columns(**of_rows), f"{why} and {text} what is said"
    if not (prompt and reply) and are_messages(rows):
        return None, "each record is one message, and no column tells which conversation it belongs to"
    if len({*full, *filter(None, [reply])}) < 2:
        return None, "there are not two columns of text to be a prompt and a reply"
    system = _named(full, ("system", "system_prompt")) or _like(full, ("system",))
    why = "by the names of the columns"
    # A name or a mood is the same again and again, which few questions are, and fewer replies.
    varied = [column for column in full if len(rows) < 4 or len(set(texts[column])) * 2 > len(texts[column])]
    varied = [column for column in varied if not _is_label(texts[column])]
    rest = [column for column in varied if column not in (prompt, reply, system)]
    if not prompt or not reply or prompt == reply:
        longest = sorted(rest, key=lambda column: full[column], reverse=True)
        if prompt and prompt != reply:
            reply = next(iter(longest), "")
        elif reply and prompt != reply:
            prompt = next(iter(longest), "")
        else:  # of the two that hold the most text, the first asks and the second answers
            prompt, reply = (*[column for column in full if column in longest[:2]], "", "")[:2]
        why = f"{prompt} and {reply} hold the most text, and one of them has a usual name or {prompt} comes first"
    if not prompt or not reply or prompt == reply:
        return None, "there are not two columns of text to be a prompt and a reply"
    system = system if system not in (prompt, reply) else ""
    conversation = shared_id(rows)
    order = order_key(rows) if conversation else ""
    if conversation:
        why += f", and {conversation} tells their conversation"
    found = Columns(prompt=prompt, reply=reply, system=system, reasoning=reasoning)
    return replace(found, conversation=conversation, order=order), why


def are_messages(records: Sequence[object]) -> bool:
    """Whether most records are one message each, which no columns of a prompt and a reply can read."""
    return sum(map(is_message, records)) * 2 > len(records)


def may_be_pairs(records: Sequence[object]) -> bool:
    """Whether a person might know which columns are the prompt and the reply where nothing could be guessed."""
    lists = any(_first_turns([record], column) for record in records if isinstance(record, dict) for column in record)
    return len(names(records)) > 1 and not lists and not are_messages(records)


def _is_label(texts: Sequence[str]) -> bool:
    """Whether the texts are single words of which some come again: who speaks, say, or in which direction."""
    return len(set(texts)) < len(texts) and not any(len(text.split()) > 1 for text in texts)


def _first_turns(rows: Sequence[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    return next((held for row in rows if (held := _turn_list(within(row, column)))), [])


def _to_choose_from(columns: Sequence[str]) -> list[str]:
    """Those columns of lists whose names differ in their ends alone: conversation_a and conversation_b."""
    stems = {column: stem for column in columns if (stem := _CHOICE.sub("", column)) != column}
    return next(
        (alike for stem in stems.values() if len(alike := [each for each in stems if stems[each] == stem]) > 1), []
    )


def _turn_list(value: object) -> list[dict[str, Any]]:
    try:
        value = values.decoded(value, [])
    except (RecursionError, Unusable):  # reading the record will tell
        return []
    good = isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value)
    return value if good and isinstance(value, list) else []


def _of_turns(column: str, first: list[dict[str, Any]], turns: list[dict[str, Any]]) -> tuple[Columns | None, str]:
    keys = [key for key in first[0] if key not in thoughts.KIND_KEYS]  # which say what kind of turn it is
    texts = {key: [text for turn in turns if (text := _said(turn.get(key)))] for key in keys}
    words = [key for key in keys if kind_of(texts[key]) == "text"]
    role = next((key for key in ROLE_KEYS if key in keys), "")
    role = role or next((key for key in words if len(set(texts[key])) <= 6 < len(texts[key])), "")
    role = role or next((key for key in words if {text.lower() for text in texts[key]} & set(ROLE_OF)), "")
    text = next((key for key in TEXT_KEYS if key != role and texts.get(key)), "")
    others = [key for key in words if key != role]
    text = text or max(others, key=lambda key: sum(map(len, texts[key])), default="")
    if not role or not text:
        return None, f"{column} holds lists, but no key in them names who speaks and another what is said"
    said = list(dict.fromkeys(texts[role]))
    known = roles_of(said)
    why = f"{column} holds lists of turns; {role} names {len(said)} speakers and {text} holds the texts"
    return Columns(turns=column, role=role, text=text, roles=known), why


def _said(value: object) -> str:
    """A text, or the first of its parts."""
    if isinstance(value, list) and value:
        value = value[0].get("text") if isinstance(value[0], dict) else value[0]
    return value if isinstance(value, str) else ""


def _named(columns: Mapping[str, float], wanted: Sequence[str]) -> str:
    lower = {column.strip().lower(): column for column in columns}
    return next((lower[name] for name in wanted if name in lower), "")


def _like(columns: Mapping[str, float], parts: Sequence[str]) -> str:
    """The column with the longest texts of those whose names hold the first of these parts that any holds."""
    for part in parts:
        fitting = [column for column in columns if part in column.lower()]
        if fitting:
            return max(fitting, key=columns.__getitem__)
    return ""
