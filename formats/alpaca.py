"""Alpaca: {"instruction", "input", "output", "system", "history": [[prompt, reply], ...]}."""

from __future__ import annotations

from typing import Any

from formats import pairs
from formats.conversation import Conversation

# Alpaca is a pair with more columns, and people mix their names: one reader takes either.
read = pairs.read


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
    alternate = bool(turns) and roles == ["user", "assistant"] * (len(turns) // 2)
    if not alternate or not all(pairs.plain(message) for message in turns):
        raise ValueError("Alpaca holds pairs of a user's and an assistant's plain text only; write it as messages.")
    if not all(message.train for message in turns[1:-1:2]):
        raise ValueError("Alpaca's history is always trained on, and this one is not; write it as messages.")
    texts = [[turns[i].content, turns[i + 1].content] for i in range(0, len(turns), 2)]
    record.update(instruction=texts[-1][0], input="", output=texts[-1][1])
    if len(texts) > 1:
        record["history"] = texts[:-1]
    return pairs.with_rest(record, conversation)
