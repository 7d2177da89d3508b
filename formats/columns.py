"""How a table or a record of no known format is read: which column is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, get_args

from formats import values
from formats.calls import tool_list
from formats.conversation import Conversation, Message, Origin, Role
from formats.message_rows import refuse_several
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.shapes import texts_as_turns
from formats.turns import read_turns
from formats.values import Unusable

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Columns:
    """A pair (`prompt` and `reply`, with more in `input`, `system` and `reasoning`, what the reply thought), a list of
    turns (`turns`), or one message in a record (`conversation`).

    `turns` is the column that holds the list, with dots where it lies deeper ("data.chat"). `conversation` is the
    column that tells which messages, or which pairs, belong together, and `order` that of their time or number ("": as
    they stand in the file). `role`, `text` and `reasoning` are the keys in each turn ("" for the usual ones), and
    `roles` what the file calls its roles, where that is not usual.
    """

    prompt: str = ""
    reply: str = ""
    input: str = ""
    system: str = ""
    turns: str = ""
    conversation: str = ""
    order: str = ""
    role: str = ""
    text: str = ""
    reasoning: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.turns or self.conversation or (self.prompt and self.reply)):
            raise ValueError("columns need a prompt and a reply, or turns, or a conversation")
        wrong = sorted(set(self.roles.values()) - set(get_args(Role)))
        if wrong:
            raise ValueError(f"there is no role {wrong[0]!r}; the roles are: {', '.join(get_args(Role))}")

    def as_json(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in _NAMES}, "roles": dict(self.roles)}

    def as_words(self) -> list[str]:
        """The words that `parse` makes the same of."""
        named = [f"{name}={column}" for name in _NAMES if (column := getattr(self, name))]
        return [*named, *(f"role.{name}={role}" for name, role in self.roles.items())]

    @property
    def is_pair(self) -> bool:
        """Whether a record is a prompt and its reply."""
        return bool(self.prompt and self.reply and not self.turns)

    def are_in(self, record: object) -> bool:
        """Whether the record has any of these columns."""
        of_rows = (self.role, self.text) if not (self.turns or self.is_pair) else ()
        named = (self.prompt, self.reply, self.input, self.system, self.turns, self.conversation, self.order, *of_rows)
        return isinstance(record, dict) and any(has_column(record, column) for column in named if column)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Columns:
        """The columns that `as_json` wrote.

        Raises:
            ValueError: they are not enough, or it names others.
        """
        unknown = sorted(set(document) - {*_NAMES, "roles"})
        if unknown:
            raise ValueError(f"there is no {unknown[0]!r} to name a column for; there are: {', '.join(_NAMES)}")
        return cls(**document)

    @classmethod
    def parse(cls, words: Sequence[str]) -> Columns:
        """From the words of a command line: "prompt=Question", "reply=Answer", "role.Bot=assistant".

        Raises:
            ValueError: a word of another form, or not enough of them.
        """
        found: dict[str, Any] = {"roles": {}}
        for word in words:
            name, equals, column = word.partition("=")
            if not equals or not column:
                raise ValueError(f"{word!r} is not of the form prompt=COLUMN")
            if name.startswith("role."):
                found["roles"][name.removeprefix("role.")] = column
            else:
                found[name] = column
        return cls.from_json(found)


_NAMES = ("prompt", "reply", "input", "system", "turns", "conversation", "order", "role", "text", "reasoning")
MESSAGES = "messages"  # where the messages of a conversation stand that were put together of rows


def read(record: object, columns: Columns, origin: Origin, off: Set[str] = _NOTHING) -> Conversation | RowProblem:
    """The conversation in a record that is read by its columns, or why there is none."""
    put_together = columns.is_pair and columns.conversation and isinstance(record, dict) and MESSAGES in record
    if put_together:
        columns = Columns(turns=MESSAGES, system="system")
    if not columns.is_pair:
        repairs: list[str] = []
        key, turns = _turns(record, columns)
        turns = texts_as_turns(turns, repairs) if isinstance(turns, list) else turns
        given = {"system": within(record, columns.system)} if columns.system else {}
        beside = {**given, **_tools(record)}
        return read_turns(
            beside,
            turns,
            key,
            origin,
            off,
            role_key=columns.role,
            text_key=columns.text,
            reasoning_key=columns.reasoning,
            number_key=columns.order,
            roles=columns.roles or None,
            repairs=repairs,
            raw=record,
        )
    if not isinstance(record, dict):
        problem = f"it is {values.kind(record)}, not an object with columns."
        return problem_in(origin, None, None, "not_a_record", problem, "Write each record as an object.", record)
    repairs = []
    try:
        messages, tools = exchange(record, columns, repairs, off)
    except Unusable as error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, record)
    return mend(messages, origin, tools=tools, repairs=repairs, raw=record, off=off)


def exchange(
    record: dict[str, Any], columns: Columns, repairs: list[str], off: Set[str]
) -> tuple[list[Message], tuple[str, ...]]:
    """What is said in a record that is a prompt and a reply by its columns, and its tools; the repairs that it needed
    are added to `repairs`.

    Raises:
        Unusable: why it cannot be used.
    """
    for column in filter(None, (columns.conversation, columns.order)):
        if not has_column(record, column):
            raise no_column(record, column)
    wanted = ("system", "prompt", "input", "reply")
    texts = {name: _text(record, getattr(columns, name), repairs) for name in wanted}
    thought = within(record, columns.reasoning) if columns.reasoning else None
    reasoning = values.content_text(thought, columns.reasoning, repairs)
    trained = values.is_trained(record, repairs, off)
    messages = [Message("system", texts["system"])] if texts["system"].strip() else []
    asked = "\n".join(text for text in (texts["prompt"], texts["input"]) if text.strip())
    messages += [Message("user", asked), Message("assistant", texts["reply"], reasoning or None, (), trained)]
    return messages, tool_list(_tools(record).get("tools"))


def _turns(record: object, columns: Columns) -> tuple[str, object]:
    """The key of the list of turns in a record, and what stands there."""
    if columns.turns:
        if isinstance(record, dict) and not has_column(record, columns.turns):
            raise no_column(record, columns.turns)
        turns = within(record, columns.turns)
        if isinstance(turns, list):
            refuse_several(turns, columns.turns)
        return columns.turns, turns
    if isinstance(record, dict) and MESSAGES not in record:  # a row that was put together with no others
        if not has_column(record, columns.conversation):
            raise no_column(record, columns.conversation)
        problem = f"its {columns.conversation} is empty, so nothing tells which conversation it belongs to."
        raise Unusable(columns.conversation, "message_row", problem, "Give each row the id of its conversation there.")
    return MESSAGES, within(record, MESSAGES)


def has_column(record: dict[str, Any], path: str) -> bool:
    """Whether the record has that column, with dots where it lies deeper, or the first part of it."""
    return path in record or path.partition(".")[0] in record


def _tools(record: object) -> dict[str, Any]:
    return {"tools": record["tools"]} if isinstance(record, dict) and not values.missing(record.get("tools")) else {}


def _text(record: dict[str, Any], column: str, repairs: list[str]) -> str:
    if not column:
        return ""
    found = within(record, column)
    if found is None and column not in record and "." not in column:
        raise no_column(record, column)
    return values.content_text(found, column, repairs)


def no_column(record: dict[str, Any], column: str) -> Unusable:
    """What is wrong with a record that has no such column; one of another case may be meant."""
    meant = next((str(key) for key in record if str(key).strip().lower() == column.strip().lower()), "")
    keys = ", ".join(str(key)[:30] for key in list(record)[:8]) or "none"
    fix = f"Write {meant}, as the file does." if meant else f"Add {column}."
    return Unusable(column, "no_column", f"it has no column {column} (its columns: {keys}).", fix)


def within(record: object, path: str) -> Any:
    """What stands under a column, with dots where it lies deeper; None where nothing does."""
    if isinstance(record, dict) and path in record:
        return record[path]
    for key in path.split("."):
        record = values.decoded(record, [])
        record = record.get(key) if isinstance(record, dict) else None
    return record


def names(records: Sequence[object]) -> list[str]:
    """The columns that records have, with dots where one lies in an object of another, in the order of their coming."""
    found: dict[str, None] = {}
    for record in records:
        for key, value in record.items() if isinstance(record, dict) else ():
            found[str(key)] = None
            for inner in value if isinstance(value, dict) else ():
                found[f"{key}.{inner}"] = None
    return list(found)[:200]
