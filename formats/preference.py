"""Preference data: ranking (a chosen and a rejected answer) and KTO (answers labelled good or bad).

It is for another kind of training. With the repair good_answers_kept, the good answers are read as chats.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from formats import pairs, transcript, values
from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.turns import LISTS, read_turns, tools_of
from formats.values import Unusable

KTO_LABELS = ("kto_tag", "label")
_PREFERRED, _OTHER = "preferred_output", "non_preferred_output"  # as OpenAI's files of preferences call them
_FIX = (
    "Switch the repair good_answers_kept on (--repair good_answers_kept) to keep the good answers as chats, or leave "
    "this record out."
)


def is_ranking(record: dict[str, Any]) -> bool:
    """Whether the record ranks two answers."""
    pairs_of_keys = (("chosen", "rejected"), (_PREFERRED, _OTHER))
    return any(not values.missing(record.get(a)) and not values.missing(record.get(b)) for a, b in pairs_of_keys)


def usual_ranking(record: dict[str, Any]) -> dict[str, Any]:
    """The record that ranks two answers with its usual keys: one of OpenAI has the turns and tools under input."""
    if _PREFERRED not in record or "chosen" in record:
        return record
    asked = record.get("input")
    asked = asked if isinstance(asked, dict) else {"messages": asked} if isinstance(asked, list) else {"prompt": asked}
    rest = {key: value for key, value in record.items() if key not in (_PREFERRED, _OTHER, "input")}
    return {**rest, **asked, "chosen": record[_PREFERRED], "rejected": record[_OTHER]}


def is_kto(record: dict[str, Any]) -> bool:
    """Whether the record labels its answer as good or bad."""
    return _label(record) is not None


def _label(record: dict[str, Any]) -> tuple[str, bool] | None:
    """The key that labels the answer, and whether as good. Yes or no is a label, and so are 0 and 1 where TRL's names
    of columns stand beside them; other records may have classes of something else there."""
    for key in KTO_LABELS:
        value = record.get(key)
        good = values.flag(value)
        spelled = isinstance(value, bool) or (isinstance(value, str) and value.strip()[:1] not in "01")
        if good is not None and (spelled or key == "kto_tag" or ("prompt" in record and "completion" in record)):
            return key, good
    return None


def read_ranking(record: dict[str, Any], origin: Origin, off: Set[str]) -> Conversation | RowProblem:
    """The chat with the chosen answer. It is a repair, and refused as ranking_data where that is off."""
    if "good_answers_kept" in off:
        keys = (_PREFERRED, _OTHER) if _PREFERRED in record else ("chosen", "rejected")
        problem = f"it is ranking data ({keys[0]} / {keys[1]}), which is for preference training."
        return problem_in(origin, None, keys[0], "ranking_data", problem, _FIX, record)
    record = usual_ranking(record)
    repairs = ["good_answers_kept"]
    chosen = pairs.turns_in(record["chosen"], "chosen", repairs)
    before: list[Any] = next((record[key] for key in (*LISTS, "prompt") if isinstance(record.get(key), list)), [])
    if isinstance(chosen, dict):  # LLaMA-Factory: the turns before, and the chosen one
        return read_turns(record, [*before, chosen], "chosen", origin, off, repairs=repairs)
    if isinstance(chosen, list):
        whole = chosen if len(chosen) > 1 else [*before, *chosen]
        if not before and len(chosen) == 1 and isinstance(record.get("prompt"), str):
            whole = [{"role": "user", "content": record["prompt"]}, *chosen]
        return read_turns(record, whole, "chosen", origin, off, repairs=repairs)
    if not before and not pairs.has_prompt(record) and (turns := transcript.turns_of(chosen)):
        return read_turns(record, turns, "chosen", origin, off, repairs=repairs)
    try:
        if before:
            turn = {"role": "assistant", "content": values.content_text(chosen, "chosen", repairs)}
            return read_turns(record, [*before, turn], "chosen", origin, off, repairs=repairs)
        messages = pairs.context({str(key).strip().lower(): value for key, value in record.items()}, repairs)
        messages.append(Message("assistant", values.content_text(chosen, "chosen", repairs)))
        tools = tools_of(record, repairs)
    except Unusable as error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, record)
    return mend(messages, origin, tools=tools, repairs=repairs, raw=record, off=off)


def bad_or_refused(record: dict[str, Any], origin: Origin, off: Set[str]) -> RowProblem | None:
    """Why a KTO record is not read: the repair is off, or its answer is labelled as bad. None: it is to be read."""
    key, good = _label(record) or (KTO_LABELS[0], False)
    if "good_answers_kept" in off:
        problem = f"it is KTO data (its {key} says whether the answer is good), which is for preference training."
        return problem_in(origin, None, key, "kto_data", problem, _FIX, record)
    if not good:
        fix = "Nothing: only the good answers are kept."
        return problem_in(origin, None, key, "bad_answer", "its answer is labelled as bad.", fix, record)
    return None
