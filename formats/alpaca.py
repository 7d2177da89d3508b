"""Alpaca: {"instruction", "input", "output", "system", "history": [[prompt, reply], ...]}."""

from __future__ import annotations

from typing import Any

from formats import values
from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.values import Unusable

_PROMPTS = ("instruction", "prompt", "question")
_INPUTS = ("input", "context")
_REPLIES = ("output", "response", "completion", "answer")


def read(record: object, origin: Origin) -> Conversation | RowProblem:
    """The conversation in an Alpaca record, or why there is none.

    The prompt is instruction, a line break and input, or context as Dolly calls it (each alone where the other is
    empty); history pairs come first and are trained on, as LLaMA-Factory reads them.
    """
    if not isinstance(record, dict):
        return problem_in(
            origin, None, None, "not_a_record", "it is not an object.", "Write each record as an object.", record
        )
    try:
        messages: list[Message] = []
        repairs: list[str] = []
        system = values.content_text(record.get("system"), "system", repairs)
        if system.strip():
            messages.append(Message("system", system))
        messages += _history(record.get("history"), repairs)
        key, more = values.first_of(record, *_INPUTS)
        asked = [_column(record, _PROMPTS, repairs), values.content_text(more, key, repairs)]
        messages.append(Message("user", "\n".join(part for part in asked if part.strip())))
        messages.append(Message("assistant", _column(record, _REPLIES, repairs), train=values.is_trained(record)))
        tools = values.tool_list(record.get("tools"))
    except Unusable as error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, record)
    return mend(messages, origin, tools=tools, repairs=repairs, raw=record)


def write(conversation: Conversation) -> dict[str, Any]:
    """The record that `read` gives `conversation` back from.

    Raises:
        ValueError: it has tool calls, tool results, turns that do not alternate, or an earlier reply that is not to be
            trained on, which Alpaca has no place for.
    """
    turns = list(conversation.messages)
    record: dict[str, Any] = {}
    if turns and turns[0].role == "system":
        record["system"] = turns.pop(0).content
    roles = [message.role for message in turns]
    if (
        not turns
        or roles != ["user", "assistant"] * (len(turns) // 2)
        or any(m.tool_calls or m.reasoning for m in turns)
    ):
        raise ValueError("Alpaca holds pairs of a user's and an assistant's plain text only; write it as messages.")
    if not all(message.train for message in turns[1:-1:2]):
        raise ValueError("Alpaca's history is always trained on, and this one is not; write it as messages.")
    pairs = [[turns[i].content, turns[i + 1].content] for i in range(0, len(turns), 2)]
    record.update(instruction=pairs[-1][0], input="", output=pairs[-1][1])
    if len(pairs) > 1:
        record["history"] = pairs[:-1]
    if not turns[-1].train:
        record["train"] = False
    if conversation.tools:
        record["tools"] = "[" + ", ".join(conversation.tools) + "]"
    return record


def _column(record: dict[str, Any], names: tuple[str, ...], repairs: list[str]) -> str:
    name = next((each for each in names if each in record), None)
    if name is None:
        keys = ", ".join(str(key)[:30] for key in list(record)[:8]) or "none"
        raise Unusable(names[0], "no_column", f"it has no {names[0]} (its keys: {keys}).", f"Add {names[0]}.")
    return values.content_text(record[name], name, repairs)


def _history(value: object, repairs: list[str]) -> list[Message]:
    if values.missing(value):
        return []
    messages = []
    for pair in value if isinstance(value, list) else [None]:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            fix = "Write history as [[prompt, reply], ...]."
            raise Unusable("history", "bad_history", "it is not a list of pairs of prompt and reply.", fix)
        messages.append(Message("user", values.content_text(pair[0], "history", repairs)))
        messages.append(Message("assistant", values.content_text(pair[1], "history", repairs)))
    return messages
