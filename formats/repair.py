"""What may be mended in a record so that it can be used. Each repair is named, counted, and listed in the report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem, writable

REPAIRS: dict[str, str] = {
    "role_normalised": "An unusual role name was read as the usual one (chatgpt as assistant, prompter as user, ...).",
    "number_as_text": "A number stood where a text belongs: it was read as text, just as it is written.",
    "system_column_ignored": "The system column was left out: the first turn gives other instructions already.",
    "empty_turn_removed": "A turn without text or tool call was left out.",
    "turns_merged": "Consecutive turns of the same role were joined with a blank line.",
    "trailing_turns_cut": "Turns after the assistant's last reply were cut: there is no reply to learn from them.",
    "leading_assistant_kept": "A conversation that begins with the assistant keeps that turn as context, not trained.",
}


def mend(
    messages: Sequence[Message], origin: Origin, *, tools: tuple[str, ...], repairs: Sequence[str], raw: object
) -> Conversation | RowProblem:
    """A usable conversation from what a reader understood, or why there is none. `repairs` are those made already."""
    done = list(dict.fromkeys(repairs))
    kept = [message for message in messages if message.content.strip() or message.tool_calls or message.role == "tool"]
    if len(kept) < len(messages):
        done.append("empty_turn_removed")
    merged: list[Message] = []
    for message in kept:
        last = merged[-1] if merged else None
        if last is not None and last.role == message.role and message.role != "tool" and last.train == message.train:
            merged[-1] = _join(last, message)
            if "turns_merged" not in done:
                done.append("turns_merged")
        else:
            merged.append(message)
    end = max((place for place, message in enumerate(merged) if message.role == "assistant"), default=-1)
    if end < 0:
        empty = any(message.role == "assistant" for message in messages)
        problem = "the assistant's turns are empty" if empty else "no turn is the assistant's"
        return problem_in(
            origin,
            None,
            None,
            "no_reply",
            f"{problem}, so there is nothing to learn from it.",
            "Add the assistant's reply, or leave this record out.",
            raw,
        )
    if end + 1 < len(merged):
        merged = merged[: end + 1]
        done.append("trailing_turns_cut")
    start = 1 if merged[0].role == "system" else 0
    if merged[start].role == "assistant":
        if not any(message.role == "assistant" for message in merged[start + 1 :]):
            return problem_in(
                origin,
                start + 1,
                None,
                "no_prompt",
                "it holds an assistant turn alone: there is no prompt that it answers.",
                "Add the user's turn before it, or leave this record out.",
                raw,
            )
        first = merged[start]
        merged[start] = Message(first.role, first.content, first.reasoning, first.tool_calls, train=False)
        done.append("leading_assistant_kept")
    return Conversation(tuple(merged), origin, tools, tuple(done))


def problem_in(
    origin: Origin, turn: int | None, field: str | None, code: str, problem: str, fix: str, raw: object
) -> RowProblem:
    """A RowProblem that carries the raw record as JSON text (its first 20,000 characters)."""
    try:
        text = json.dumps(raw, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = str(type(raw))
    return RowProblem(origin, turn, field, code, writable(problem), fix, writable(text))


def _join(first: Message, second: Message) -> Message:
    reasoning = "\n\n".join(part for part in (first.reasoning, second.reasoning) if part) or None
    content = "\n\n".join(part for part in (first.content, second.content) if part.strip())
    return Message(first.role, content, reasoning, first.tool_calls + second.tool_calls, first.train)
