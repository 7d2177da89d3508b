"""One prompt and one reply: prompt and completion, question and answer, and Alpaca's instruction, input and output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any

from formats import thoughts, values
from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.turns import ROLE_KEYS, SYSTEM_KEYS, read_turns, tell_second, tools_of
from formats.values import Unusable

PROMPTS = (
    *("instruction", "prompt", "question", "query", "problem", "user", "human", "prompter", "user_message", "q"),
    "input",
)
INPUTS = ("input", "context")
REPLIES = (
    *("output", "response", "completion", "answer", "reply", "assistant", "bot", "chatbot", "assistant_message"),
    *("solution", "a"),
)
_PYTHON_TURNS = re.compile(r"\[ ?\{'(role|from|content|value)':")  # how Python prints a list of turns
_NOTHING: frozenset[str] = frozenset()


def read(record: object, origin: Origin, off: Set[str] = _NOTHING) -> Conversation | RowProblem:
    """The conversation in a record with a prompt and a reply, or why there is none.

    The prompt is instruction, a line break and input, or context as Dolly calls it (each alone where the other is
    empty); history pairs come first and are trained on, as LLaMA-Factory reads them. Names of columns are the usual
    ones, whatever their case. A column of `formats.thoughts` holds what the reply thought.
    """
    if not isinstance(record, dict):
        return problem_in(
            origin, None, None, "not_a_record", "it is not an object.", "Write each record as an object.", record
        )
    repairs: list[str] = []
    lower = _lower(record, repairs)
    try:
        key, reply = values.first_of(lower, *REPLIES)
        prompt, replies = turns_in(lower.get("prompt"), "prompt", repairs), turns_in(reply, key, repairs)
        if isinstance(prompt, list) or _is_turns(replies):  # TRL's conversational prompt and completion
            turns = _conversational(lower, prompt, key, replies, repairs)
            return read_turns(lower, turns, "prompt", origin, off, repairs=repairs, raw=record)
        messages, tools = _exchange(lower, repairs, off)
    except Unusable as error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, record)
    return mend(messages, origin, tools=tools, repairs=repairs, raw=record, off=off)


def has_prompt(record: Mapping[str, Any]) -> bool:
    """Whether a record has a column that is called as prompts are."""
    return any(str(key).strip().lower() in PROMPTS for key in record)


def exchange(record: dict[str, Any], repairs: list[str], off: Set[str]) -> tuple[list[Message], tuple[str, ...]]:
    """What is said in a record with a prompt and a reply of plain text, and its tools; the repairs that it needed are
    added to `repairs`.

    Raises:
        Unusable: why it cannot be used.
    """
    return _exchange(_lower(record, repairs), repairs, off)


def _exchange(lower: dict[str, Any], repairs: list[str], off: Set[str]) -> tuple[list[Message], tuple[str, ...]]:
    messages = context(lower, repairs)
    reply = _column(lower, REPLIES, repairs)
    trained = values.is_trained(lower, repairs, off)
    thought = thoughts.column_in(lower)
    reasoning = values.content_text(lower[thought], thought, repairs) if thought else ""
    messages.append(Message("assistant", reply, reasoning or None, (), trained))
    return messages, tools_of(lower, repairs)


def _lower(record: dict[str, Any], repairs: list[str]) -> dict[str, Any]:
    """The record with its keys in lower case. Of two that become one, the first that holds something is taken."""
    lower = {str(key).strip().lower(): value for key, value in record.items()}
    if len(lower) < len(record):
        lower = {}
        for key, value in record.items():
            name = str(key).strip().lower()
            if values.missing(lower.get(name)):
                lower[name] = value
            elif not values.missing(value) and value != lower[name]:
                repairs.append("second_column_ignored")
    return lower


def _is_turns(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and isinstance(value[0], dict) and any(k in value[0] for k in ROLE_KEYS)
    )


def turns_in(value: object, field: str, repairs: list[str]) -> object:
    """A list of turns (or one) that stands as JSON text under `field`, as a table writes it; else the value as it is: a
    text may well be JSON.

    Raises:
        Unusable: it is a list of turns as Python prints it.
    """
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        done: list[str] = []
        found = values.decoded(value, done)
        if _is_turns(found if isinstance(found, list) else [found]):
            repairs += done
            return found
        if _PYTHON_TURNS.match(value.lstrip()):
            raise values.or_python(value, Unusable(field, "no_turns", "", ""))
    return value


def _conversational(
    record: Mapping[str, Any], prompt: object, key: str, replies: object, repairs: list[str]
) -> list[Any]:
    """The turns of a prompt and a reply of which one is a list of turns. Only the reply is trained on, as TRL does."""
    if not _is_turns(replies):
        text = values.content_text(replies, key, repairs)
        if not text.strip():
            raise Unusable(key, "no_reply", "there is no reply to its prompt.", f"Put it under {key}.")
        replies = [{"role": "assistant", "content": text}]
    if not isinstance(prompt, list):
        before = [{"role": each.role, "content": each.content} for each in context(record, repairs)]
        return [*(each for each in before if each["role"] != "system"), *_listed(replies)]
    return [*({**turn, "train": False} if isinstance(turn, dict) else turn for turn in prompt), *_listed(replies)]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def context(record: Mapping[str, Any], repairs: list[str]) -> list[Message]:
    """What stands before the reply: the system message, the history, and the prompt. Keys are lower case."""
    messages: list[Message] = []
    known = dict(record)
    key, column = values.first_of(known, *SYSTEM_KEYS)
    system = values.content_text(column, key, repairs)
    tell_second(known, key, SYSTEM_KEYS, repairs)
    if system.strip():
        messages.append(Message("system", system))
    messages += _history(known.get("history"), repairs)
    prompt = _column(known, PROMPTS, repairs)
    asked = [prompt]
    is_input = all(values.missing(known.get(name)) for name in PROMPTS[:-1])  # the input is the prompt itself
    for name in INPUTS[1:] if is_input else INPUTS:
        asked.append(values.content_text(known.get(name), name, repairs))
    messages.append(Message("user", "\n".join(part for part in asked if part.strip())))
    return messages


def write(conversation: Conversation) -> dict[str, Any]:
    """The record that `read` gives `conversation` back from.

    Raises:
        ValueError: it is more than one prompt and one reply (a system message may come first).
    """
    turns = list(conversation.messages)
    record: dict[str, Any] = {"system": turns.pop(0).content} if turns and turns[0].role == "system" else {}
    if [message.role for message in turns] != ["user", "assistant"] or any(not plain(message) for message in turns):
        raise ValueError("A pair holds one prompt and one reply of plain text only; write it as messages.")
    record.update(prompt=turns[0].content, completion=turns[1].content)
    return with_rest(record, conversation)


def plain(message: Message) -> bool:
    """Whether a turn is text alone."""
    return (message.reasoning, message.tool_calls, message.name, message.tool_call_id) == (None, (), None, None)


def with_rest(record: dict[str, Any], conversation: Conversation) -> dict[str, Any]:
    """The record with what stands beside its texts: whether the reply is trained on, and the tools."""
    if not conversation.messages[-1].train:
        record["train"] = False
    if conversation.tools:
        record["tools"] = "[" + ", ".join(conversation.tools) + "]"
    return record


def _column(record: dict[str, Any], names: tuple[str, ...], repairs: list[str]) -> str:
    """The text of the first of those columns that holds something; the others that do are told in `repairs`."""
    there = [name for name in names if name in record]
    if not there:
        keys = ", ".join(str(key)[:30] for key in list(record)[:8]) or "none"
        raise Unusable(names[0], "no_column", f"it has no {names[0]} (its keys: {keys}).", f"Add {names[0]}.")
    if len(there) == 1:
        return _column_text(record[there[0]], there[0], repairs)
    filled = [name for name in there if not values.missing(record[name])]
    others = [name for name in filled[1:] if name not in INPUTS and record[name] != record[filled[0]]]
    if others:
        repairs.append("second_column_ignored")
    name = filled[0] if filled else there[0]
    return _column_text(record[name], name, repairs)


def _column_text(value: object, name: str, repairs: list[str]) -> str:
    if isinstance(value, list) and len(value) > 1 and all(isinstance(each, str) for each in value):
        problem = f"it is a list of {len(value)} texts, which may be one text or answers to choose from."
        raise Unusable(name, "not_text", problem, f"Put the one text that is meant under {name}.")
    return values.content_text(value, name, repairs)


def _history(value: object, repairs: list[str]) -> list[Message]:
    if values.missing(value):
        return []
    value = values.decoded(value, repairs)
    messages = []
    for pair in value if isinstance(value, list) else [None]:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            fix = "Write history as [[prompt, reply], ...]."
            wrong = Unusable("history", "bad_history", "it is not a list of pairs of prompt and reply.", fix)
            raise values.or_python(value, wrong)
        messages.append(Message("user", values.content_text(pair[0], "history", repairs)))
        messages.append(Message("assistant", values.content_text(pair[1], "history", repairs)))
    return messages
