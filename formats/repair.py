"""What may be mended in a record so that it can be used. Each repair is named, counted, and can be switched off."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass

from msgspec.structs import replace

from formats.conversation import Conversation, Message, Origin, Role
from formats.problems import RAW, RowProblem, writable


@dataclass(frozen=True, slots=True)
class RepairKind:
    """A repair: what it does in `words`, and whether it is made unless a person says otherwise.

    Where it is `structural`, a record that needs it is rejected while it is off; else the text then stays as it is.
    """

    words: str
    on: bool = True
    structural: bool = True

    def __str__(self) -> str:
        return self.words


REPAIRS: dict[str, RepairKind] = {
    "role_normalised": RepairKind(
        "An unusual role name was read as the usual one (chatgpt as assistant, prompter as user, ...)."
    ),
    "turns_merged": RepairKind("Consecutive turns of the same role (and name) were joined with a blank line."),
    "texts_in_turn": RepairKind(
        "A list of texts was read as what a person and the assistant say in turn, the person first."
    ),
    "reply_beside": RepairKind(
        "The reply that stood beside the turns (as response, say) was put behind them: they ended with the question."
    ),
    "pairs_joined": RepairKind("A list of prompts with their replies was read as the turns of one conversation."),
    "rows_grouped": RepairKind(
        "Messages, or prompts with their replies, that stood one in a row were put together by the id of their "
        "conversation."
    ),
    "turns_sorted": RepairKind(
        "Messages that stood in another order were put into that of their time, their number or their parents."
    ),
    "other_branches": RepairKind(
        "Of prompts that were edited and replies that were written again, the branch that was shown last (or is ranked "
        "best) was read, and the others were left out."
    ),
    "leading_assistant_kept": RepairKind(
        "A conversation that begins with the assistant keeps that turn as context, not trained."
    ),
    "trailing_turns_cut": RepairKind(
        "Turns after the assistant's last reply were cut: there is no reply to learn from them."
    ),
    "empty_turn_removed": RepairKind("A turn without text or tool call was left out."),
    "failed_turn_removed": RepairKind(
        "A turn that the file marks as deleted, failed or unfinished was left out, as if it were empty."
    ),
    "cut_at_missing_turn": RepairKind(
        "The chat was ended where a turn is empty or missing between two turns of the same role (the question between "
        "two replies, the result of a tool call): what follows answers something that is not there."
    ),
    "thoughts_joined": RepairKind("Turns that are thoughts alone became the reasoning of the reply that follows them."),
    "number_as_text": RepairKind("A number stood where a text belongs: it was read as text, just as it is written."),
    "double_encoded": RepairKind("JSON that stood as text inside JSON or in a table's cell was decoded once more."),
    "system_column_ignored": RepairKind(
        "The system column was left out: the first turn gives other instructions already."
    ),
    "second_column_ignored": RepairKind(
        "Two columns could be the same thing (instruction and question, system and system_prompt, ...): the first was "
        "taken."
    ),
    "custom_instructions": RepairKind(
        "The custom instructions of ChatGPT, and what it was to remember of the person, became the system message.",
        structural=False,
    ),
    "html_debris": RepairKind(
        "HTML and button labels that ShareGPT saved along (<div class=...>, Copy code) became plain text.",
        structural=False,
    ),
    "html_entities": RepairKind(
        "HTML entities (&amp;lt; for <) became the characters that they stand for.", on=False, structural=False
    ),
    "names_in_text": RepairKind(
        "The names of speakers were put before what they say (Ben: ...). Chat templates have no place for names, so a "
        "model does not learn them otherwise.",
        on=False,
        structural=False,
    ),
    "placeholders_filled": RepairKind("Placeholders ({{name}}) were filled with the texts given.", structural=False),
    "weight_as_one": RepairKind("A training weight other than 0 and 1 was taken as 1.", on=False),
    "good_answers_kept": RepairKind(
        "Of ranking or KTO data, the good answers are kept as chats and the bad ones left out.", on=False
    ),
}
_NONE: frozenset[str] = frozenset()


def mend(
    messages: list[Message],
    origin: Origin,
    *,
    tools: tuple[str, ...],
    repairs: Sequence[str],
    raw: object,
    off: Set[str] = _NONE,
) -> Conversation | RowProblem:
    """A usable conversation from what a reader understood, or why there is none.

    `repairs` are the codes of those made already; `off` of those that are switched off.
    """
    done = list(dict.fromkeys(repairs)) if repairs else []
    if "names_in_text" not in off and any(map(has_name, messages)):
        messages = [_with_name(message) for message in messages]
        done.append("names_in_text")
    merged = messages if _is_plain(messages) else _merge(_with_thoughts(messages, done), done)
    end = len(merged) - 1
    while end >= 0 and merged[end].role != "assistant":
        end -= 1
    if end < 0:
        if "cut_at_missing_turn" in done:
            problem = "no reply stands before a turn of it that is missing or empty"
            fix = "Write that turn, or leave this record out."
        else:
            empty = any(message.role == "assistant" for message in messages)
            problem = "the assistant's turns are empty" if empty else "no turn is the assistant's"
            fix = "Add the assistant's reply, or leave this record out."
        return problem_in(origin, None, None, "no_reply", f"{problem}, so there is nothing to learn from it.", fix, raw)
    if end + 1 < len(merged):
        merged = merged[: end + 1]
        done.append("trailing_turns_cut")
    start = 1 if merged[0].role == "system" else 0
    if merged[start].role == "assistant":
        asked = start + 1
        while asked < len(merged) and merged[asked].role == "assistant":  # some trained on, and others not
            asked += 1
        if not any(message.role == "assistant" for message in merged[asked:]):
            problem = "it holds an assistant turn alone: there is no prompt that it answers."
            fix = "Add the user's turn before it, or leave this record out."
            if any(message.role == "user" and not is_empty(message) for message in messages):
                problem = "its reply stands before the only prompts, and none answers them."
                fix = "If its turns stand newest first, turn their order around; else leave this record out."
            elif any(message.role == "user" for message in messages):
                problem = "the user's turn that its reply answers is empty."
                fix = "Write that turn, or leave this record out."
            return problem_in(origin, start + 1, None, "no_prompt", problem, fix, raw)
        leading = merged[start:asked]
        if any(message.train for message in leading):
            merged = [*merged[:start], *(replace(message, train=False) for message in leading), *merged[asked:]]
            done.append("leading_assistant_kept")
    if done and not off.isdisjoint(done):
        return switched_off(next(code for code in done if code in off), origin, raw)
    return Conversation(tuple(merged), origin, tools, tuple(done))


def _is_plain(messages: list[Message]) -> bool:
    """Whether no turn is empty and none follows one of its own role."""
    last = ""
    for message in messages:
        role = message.role
        if role == last or not message.content or message.content.isspace():
            return False
        last = role
    return True


def is_empty(message: Message) -> bool:
    """Whether nobody says or does anything in a turn; a tool may well give nothing."""
    return not (message.content.strip() or message.tool_calls or message.role == "tool")


def has_name(message: Message) -> bool:
    """Whether a turn names who says its text."""
    return bool(message.name) and message.role != "tool" and not is_empty(message) and bool(message.content.strip())


def one_speaker(first: Message, second: Message) -> bool:
    """Whether two turns in a row can be one: of the same role (no tool) and name, and both learned or both not. What is
    thought after something was said stays behind it: a turn thinks before it speaks."""
    thinks_again = bool(second.reasoning) and not is_empty(first)
    of_one = (first.role, first.name, first.train) == (second.role, second.name, second.train)
    return of_one and first.role != "tool" and not thinks_again


def _with_name(message: Message) -> Message:
    return replace(message, content=f"{message.name}: {message.content}", name=None) if has_name(message) else message


def _with_thoughts(messages: list[Message], done: list[str]) -> list[Message]:
    """The turns, with those of the assistant that hold reasoning alone made the reasoning of its turn behind them."""
    kept: list[Message] = []
    for message in messages:
        last = kept[-1] if kept else None
        if last is not None and last.reasoning and is_empty(last) and _thinks_for(last, message):
            kept[-1] = replace(message, reasoning=_paragraphs(last.reasoning, message.reasoning))
            if not is_empty(message):
                done.append("thoughts_joined")
        else:
            kept.append(message)
    return kept


def _thinks_for(thought: Message, reply: Message) -> bool:
    return (thought.role, thought.train) == (reply.role, reply.train) and thought.name in (None, reply.name)


def _merge(messages: list[Message], done: list[str]) -> list[Message]:
    """The turns without empty ones, and those of one speaker in a row joined, up to the first place where a turn is
    missing; what was done is added to `done`."""
    merged: list[Message] = []
    removed: set[Role] = set()  # who said nothing since the last turn that is kept
    for message in messages:
        if is_empty(message):
            removed.add(message.role)
            done.append("empty_turn_removed")
            continue
        last = merged[-1] if merged else None
        if last is not None and last.role == message.role:
            no_result = bool(last.tool_calls and message.content.strip())
            if no_result or removed - {message.role, "system"}:
                done.append("cut_at_missing_turn")
                break
        if last is not None and one_speaker(last, message):
            merged[-1] = _join(last, message)
            done.append("turns_merged")
        else:
            merged.append(message)
        removed.clear()
    done[:] = dict.fromkeys(done)
    return merged


def _join(first: Message, second: Message) -> Message:
    content = _paragraphs(first.content, second.content) or ""
    calls = first.tool_calls + second.tool_calls
    reasoning = _paragraphs(first.reasoning, second.reasoning)
    return replace(first, content=content, reasoning=reasoning, tool_calls=calls)


def _paragraphs(*texts: str | None) -> str | None:
    return "\n\n".join(text for text in texts if text and text.strip()) or None


def switched_off(code: str, origin: Origin, raw: object) -> RowProblem:
    """The problem of a record that needs a repair which is switched off."""
    problem = f"it needs a repair that is switched off ({REPAIRS[code].words.rstrip('.')})."
    fix = f"Switch the repair {code} on (--repair {code}), or mend the record."
    return problem_in(origin, None, None, code, problem, fix, raw)


def problem_in(
    origin: Origin, turn: int | None, field: str | None, code: str, problem: str, fix: str, raw: object
) -> RowProblem:
    """A RowProblem that carries the raw record as JSON text (its first RAW characters)."""
    text = as_json(raw)
    if len(text) > RAW:
        fix += " (It is too long to be kept whole with its reason: mend it in the file.)"
    return RowProblem(origin, turn, field, code, writable(problem), writable(fix), writable(text))


def as_json(raw: object) -> str:
    """A raw record as JSON text; what kind of value it is, where that is not possible."""
    try:
        return json.dumps(raw, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(type(raw))
