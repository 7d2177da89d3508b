"""A file -> its conversations and its problems: the whole package in one function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from msgspec import structs

from formats import alpaca, chatgpt, columns, messages, oasst, pairs, preference, sharegpt
from formats.containers import records
from formats.conversation import Conversation, Message, Origin
from formats.detect import LOOKED_AT, Detection, described, format_of, is_rejected, reading_of
from formats.grouping import Group, Item, grouped
from formats.ignored import Known, ignored
from formats.json_problems import NO_CHATS
from formats.message_rows import is_message
from formats.notes import Notes
from formats.part import Part
from formats.problems import RowProblem, writable
from formats.reading import Reading
from formats.repair import as_json, problem_in, switched_off
from formats.texts import mend_texts
from formats.typical import Chat
from formats.values import Unusable, decoded, loads, plain_keys

FORMATS: dict[str, str] = {
    "sharegpt": '`{"conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "..."}]}`',
    "alpaca": '`{"instruction", "input", "output", "system", "history": [[prompt, reply], ...]}`',
    "messages": '`{"messages": [{"role": "user", "content": "..."}, ...], "tools": [...]}`, as OpenAI writes them',
    "pairs": '`{"prompt", "completion"}`, `{"question", "answer"}` and the like, one of each',
    "chatgpt": "the export of ChatGPT (`conversations.json`, also in its zip): the branch that was shown last",
    "oasst": '`{"prompt": {"text", "role", "replies": [...]}}`, a tree of ranked replies: its best branch',
}
DEFAULT = Reading()
_READERS: dict[str, Callable[[object, Origin, Set[str]], Conversation | RowProblem]] = {
    "sharegpt": sharegpt.read,
    "alpaca": alpaca.read,
    "messages": messages.read,
    "pairs": pairs.read,
    "chatgpt": chatgpt.read,
    "oasst": oasst.read,
}
WRITERS: dict[str, Callable[[Conversation], dict[str, Any]]] = {
    "sharegpt": sharegpt.write,
    "alpaca": alpaca.write,
    "messages": messages.write,
    "pairs": pairs.write,
}


def look(path: Path) -> list[object]:
    """The first 100 records of the file, to guess its columns from; an empty list where there is none."""
    return [item[1] for item in islice(records(path), LOOKED_AT) if not isinstance(item, RowProblem)]


def describe(path: Path, reading: Reading = DEFAULT) -> Detection:
    """Which format the file is in, from its first 100 records; a format or columns that were chosen are taken as is."""
    return _described(list(islice(records(path), LOOKED_AT)), reading)


def _described(items: list[Item], reading: Reading) -> Detection:
    return described([row for item in items if not isinstance(item, RowProblem) for row in _rows(item[1])], reading)


def _rows(record: object) -> list[object]:
    """The records of the file that a record was made of: itself, mostly."""
    return list(record.rows) if type(record) is Group else [record]


def convert(
    path: Path,
    *,
    name: str | None = None,
    reading: Reading = DEFAULT,
    notes: Notes | None = None,
    part: Part | None = None,
) -> Iterator[Conversation | RowProblem]:
    """Each record of the file as a Conversation or a RowProblem, in order; a file that cannot be read (any further) is
    one RowProblem with record 0. `name` is what the file is called in them. What else is worth telling goes to `notes`.

    With `part`, only that part is read, where the file can be read in parts. `notes` then begin with the format that
    was found in the parts before.

    Raises:
        ValueError: the reading's format is not "auto" or one of FORMATS.
    """
    if reading.format != "auto" and reading.format not in FORMATS:
        raise ValueError(f"format {reading.format!r}: use auto or one of {', '.join(FORMATS)}")
    notes = notes if notes is not None else Notes()
    name = name or path.name
    if part and part.start and not reading.columns and reading.format == "auto":
        part.typical = True  # what is found in the first records is told by their keys, so these are read as they are
    arrange = partial(grouped, reading=reading, part=part)
    items = iter(records(path, name, part, arrange))
    first: list[Item] = []
    found = notes.formats.get(name) if part and part.start else None
    if found is None:
        first = list(islice(items, LOOKED_AT))
        found = _described(first, reading)
    own = reading_of(found, reading)
    known: Known = {}
    for item in chain(first, items):
        if isinstance(item, RowProblem):
            if item.code == NO_CHATS:
                notes.formats[item.origin.file] = Detection("", 0.0, item.problem)
                continue
            if not found.format:
                notes.formats.setdefault(item.origin.file, found)
            yield item
            continue
        origin, record = item
        if type(record) is Chat:
            if record.has_id:
                notes.ignore("id")
            yield Conversation(record.messages, origin)
            continue
        if origin.file not in notes.formats:
            notes.formats[origin.file] = described(_rows(record), reading) if notes.formats else found
            own = reading_of(notes.formats[origin.file], reading)
        one = _from_group(record, origin, own) if type(record) is Group else _from_record(record, origin, own)
        read, chosen_columns = [record], own.columns
        if type(record) is Group:
            read = list(record.rows) if record.of_exchanges else [record.record]
            if chosen_columns and not record.of_exchanges:
                chosen_columns = replace(chosen_columns, turns=columns.MESSAGES)
            record = record.record
        if isinstance(one, Conversation):
            one = mend_texts(one, own, notes, record)
        if isinstance(one, Conversation):
            if one.repairs:
                _keep_examples(one, record, notes)
            if not (isinstance(record, dict) and is_rejected(record)):
                for key in dict.fromkeys(key for each in read for key in ignored(each, chosen_columns, known)):
                    notes.ignore(key)
                if isinstance(record, dict) and "mapping" in record and not own.columns:
                    for kind in chatgpt.unread(record, own.off) if format_of(record)[0] == "chatgpt" else ():
                        notes.ignore(f"mapping.{kind}")
        yield one


def convert_record(record: object, origin: Origin, reading: Reading = DEFAULT) -> Conversation | RowProblem:
    """One record as a Conversation or a RowProblem, as `convert` gives it. Never raises, whatever the record holds."""
    found = _from_record(record, origin, reading)
    return found if isinstance(found, RowProblem) else mend_texts(found, reading, Notes(), record)


def _from_record(record: object, origin: Origin, reading: Reading) -> Conversation | RowProblem:
    """One record without the repairs of its texts."""
    try:
        if reading.columns:
            return columns.read(record, reading.columns, origin, reading.off)
        if isinstance(record, str):
            return _from_text(record, origin, reading)
        plain = plain_keys(record) if isinstance(record, dict) else record
        found = _read(plain, origin, reading, record)
        if plain is not record and isinstance(found, RowProblem) and found.origin == origin:
            return replace(found, record=writable(as_json(record)))
        return found
    except Unusable as error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, record)
    except RecursionError:
        problem, fix = "it is nested too deeply to be a chat.", "Flatten the record, or leave it out."
        return problem_in(origin, None, None, "too_deep", problem, fix, record)


def _from_group(group: Group, origin: Origin, reading: Reading) -> Conversation | RowProblem:
    """A conversation that was put together of the rows of its messages."""
    error = group.problem
    if error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, group.record)
    off = [code for code in group.repairs if not reading.allows(code)]
    if off:
        return switched_off(off[0], origin, group.record)
    found = _from_record(group.record, origin, reading)
    if isinstance(found, RowProblem):
        return found
    return structs.replace(found, repairs=tuple(dict.fromkeys((*group.repairs, *found.repairs))))


def _from_text(text: str, origin: Origin, reading: Reading) -> Conversation | RowProblem:
    """A record that stands as JSON text."""
    repairs: list[str] = []
    record = decoded(text, repairs)
    found = _read(record, origin, reading) if isinstance(record, str) else _from_record(record, origin, reading)
    if not repairs or isinstance(found, RowProblem):
        return found
    if not reading.allows("double_encoded"):
        return switched_off("double_encoded", origin, text)
    return structs.replace(found, repairs=tuple(dict.fromkeys((*repairs, *found.repairs))))


def _read(record: object, origin: Origin, reading: Reading, written: object = None) -> Conversation | RowProblem:
    """`written` is the record with its keys as they are in the file, where `record` has them in lower case."""
    chosen, why = format_of(record)
    if chosen in ("media", "pretraining"):
        fix = "Leave it out, or give the text of the chats alone."
        code = "media" if chosen == "media" else "pretraining_text"
        return problem_in(origin, None, None, code, f"it holds {why}.", fix, record)
    if isinstance(record, dict):
        if chosen == "ranking":
            return preference.read_ranking(record, origin, reading.off)
        if chosen == "rejected":
            return _again(record, reading)
        if chosen == "kto":
            refused = preference.bad_or_refused(record, origin, reading.off)
            if refused:
                return refused
            rest = {key: value for key, value in record.items() if key not in preference.KTO_LABELS}
            read = _read(rest, origin, reading)
            if isinstance(read, Conversation):
                return structs.replace(read, repairs=("good_answers_kept", *read.repairs))
            return read
    if reading.format != "auto":
        chosen = reading.format
    if not chosen and is_message(record):
        problem = "it is one message, and nothing tells which conversation it belongs to."
        fix = "Give each row the id of its conversation under conversation_id, or say which column tells it."
        return problem_in(origin, None, None, "message_row", problem, fix, record)
    if not chosen:
        problem = f"it is no chat in a known format: {format_of(written)[1] if written else why}."
        fix = "Say which columns are the prompt and the reply (or the turns), or write it in a format that is known."
        return problem_in(origin, None, None, "unknown_format", problem, fix, record)
    return _READERS[chosen](record, origin, reading.off)


def _again(rejected: dict[str, Any], reading: Reading) -> Conversation | RowProblem:
    """A record that was rejected before (a line of rejected.jsonl), read again as the record of its file."""
    origin = Origin(writable(str(rejected["file"])), rejected["record"] if isinstance(rejected["record"], int) else 0)
    raw = rejected["raw"]
    try:
        raw = loads(raw) if isinstance(raw, str) else raw
    except Unusable as error:
        return RowProblem(origin, None, "raw", error.code, error.problem, error.fix, writable(str(rejected["raw"])))
    except ValueError as error:
        problem, fix = f"it is not valid JSON: {error}.", "Mend the quotes, commas and brackets in raw."
        return RowProblem(origin, None, "raw", "bad_json", problem, fix, writable(str(rejected["raw"])))
    if isinstance(raw, dict) and format_of(raw)[0] == "rejected":
        return problem_in(origin, None, "raw", "unknown_format", "it wraps another rejected record.", "Unwrap it.", raw)
    return _from_record(raw, origin, reading)


def _keep_examples(conversation: Conversation, record: object, notes: Notes) -> None:
    for code in conversation.repairs:
        if len(notes.examples.get(code, ())) < 3 and code not in (
            "html_debris",
            "html_entities",
            "placeholders_filled",
        ):
            before = writable(as_json(record))
            after = "\n".join(line for message in conversation.messages for line in _lines(message))
            notes.example(code, conversation.origin, before, after)


def _lines(message: Message) -> list[str]:
    """A turn as an example shows it."""
    who = f"{message.role} ({message.name})" if message.name else message.role
    thought = [f"{who} thinks: {message.reasoning}"] if message.reasoning else []
    calls = [f"{who} calls {call.name}: {call.arguments}" for call in message.tool_calls]
    return [*thought, *([f"{who}: {message.content}"] if message.content or not calls else []), *calls]
