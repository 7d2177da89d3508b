"""What is wrong with a record, and what was mended in it, as values."""

from __future__ import annotations

from dataclasses import dataclass

from formats.conversation import Origin

RAW = 1_000_000  # characters of a rejected record that are kept, so that it can be mended and read again

# Every code of a RowProblem, in words. (A repair that is switched off gives its own code: see `formats.repair`.)
PROBLEMS: dict[str, str] = {
    "bad_answer": "An answer that is labelled as bad, where only the good answers are kept.",
    "bad_archive": "An archive that cannot be unpacked, or is refused: too large, too many files, locked, or nested.",
    "bad_history": "A history that is no list of pairs of prompt and reply.",
    "bad_json": "JSON that is broken in this record.",
    "bad_table": "A table that cannot be read: no or doubled column names, or a damaged Parquet or Arrow file.",
    "bad_tool_call": "A tool call without a name, with arguments that are no JSON object, or by somebody else than the "
    "assistant.",
    "bad_tools": "Tool definitions that are no list of JSON objects.",
    "bad_tree": "A tree of messages in which the branch that was shown last is not certain, or has no way to its root; "
    "or two replies in a row to the same turn, as their numbers say.",
    "bad_turn": "A turn that is no object.",
    "bad_weight": "A training weight other than 0 and 1.",
    "duplicate_key": "An object that gives a key twice, with different values.",
    "empty": "An empty file.",
    "encoding": "Bytes that are no valid text in the file's encoding.",
    "half_character": "Half of a character (a lone surrogate), which cannot be kept as UTF-8.",
    "kto_data": "KTO data: answers labelled good or bad, for preference training.",
    "limit": "A file that takes more memory or time to read than one may have; what was read before is kept.",
    "media": "Pictures, sound or video; only text can be trained on.",
    "message_row": "One message alone, with nothing that tells which conversation it belongs to.",
    "no_chats": "A file of an export that holds no chats (the account, a picture): it is named, and not counted.",
    "no_column": "A record without a column that its format needs.",
    "no_prompt": "A reply alone, with no prompt that it answers.",
    "no_records": "A file without records.",
    "no_reply": "No turn of the assistant, or only empty ones: there is nothing to learn.",
    "no_role_or_text": "A turn without a role or a text.",
    "turns_as_text": "A list of turns where one text was expected.",
    "no_turns": "A record whose turns are no list.",
    "not_a_record": "A record that is no object.",
    "not_json": "A text that is neither JSON nor a table.",
    "not_read": "A break in the file that nothing after it could be read past.",
    "not_text": "Something else where text was expected.",
    "not_text_part": "A part of a message that is no text.",
    "pretraining_text": "Plain text for pretraining, not chats.",
    "python_text": "A list or an object as Python prints it, where JSON was expected.",
    "ranking_data": "Ranking data: a chosen and a rejected answer, for preference training.",
    "ragged_row": "A row of a table with more or fewer cells than it has columns.",
    "row_lost": "A conversation in rows of which one may be missing: a row beside them cannot be read.",
    "scattered_rows": "A message whose conversation was read already, far before it in a large file.",
    "several_conversations": "Messages of several conversations in the list of one.",
    "too_deep": "A record that is nested too deeply to be a chat.",
    "too_large": "A cell or record that is larger than any chat.",
    "too_late": "A system message or tools of all records that stand after these in a large file.",
    "truncated": "A file that ends inside a record or list.",
    "unknown_format": "A record that is no chat in a known format.",
    "unknown_role": "A role that is not known.",
    "unsure_order": "Messages whose times cannot be read, so that their order is not certain.",
    "unreadable": "A file that cannot be opened.",
}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a record cannot be used. It is yielded in the record's place, so that nothing is lost silently.

    `turn` counts from 1 (None: the record as a whole); `field` is the key at fault (None: the whole turn or record);
    `code` is stable and machine-readable, one of PROBLEMS or of the repairs; `problem` and `fix` are for a person;
    `record` is the raw record as text (its first RAW characters).
    """

    origin: Origin
    turn: int | None
    field: str | None
    code: str
    problem: str
    fix: str
    record: str = ""


def writable(text: str) -> str:
    """The first RAW characters of `text`, with half characters (lone surrogates) spelled out: \\ud83d."""
    return text[:RAW].encode("utf-8", "backslashreplace").decode()
