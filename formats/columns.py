"""How a table or a record of no known format is read: which column is what. Guessed, and put right by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, get_args

from formats import pairs, thoughts, values
from formats.cells import kind_of
from formats.conversation import Conversation, Message, Origin, Role
from formats.guess_rows import columns_of_messages, roles_of
from formats.message_rows import refuse_several
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.turns import ROLE_KEYS, TEXT_KEYS, read_turns
from formats.values import ROLE_OF, Unusable

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Columns:
    """A pair (`prompt` and `reply`, with more in `input`, `system` and `reasoning`, what the reply thought), a list of
    turns (`turns`), or one message in a record (`conversation`).

    `turns` is the column that holds the list, with dots where it lies deeper ("data.chat"). `conversation` is the
    column that tells which messages belong together, and `order` that of their time or number ("": as they stand in the
    file). `role`, `text` and `reasoning` are the keys in each turn ("" for the usual ones), and `roles` what the file
    calls its roles, where that is not usual.
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


# Parts of names, also in other languages of the West.
_ASKING = ("quest", "prompt", "instruct", "user", "human", "frage", "pregunta", "pergunta", "domanda", "ask", "input")
_ANSWERING = ("answ", "respon", "reply", "output", "assist", "bot", "complet", "antwort", "respuesta", "réponse")
_NAMES = ("prompt", "reply", "input", "system", "turns", "conversation", "order", "role", "text", "reasoning")
MESSAGES = "messages"  # where the messages of a conversation stand that were put together of rows


def read(record: object, columns: Columns, origin: Origin, off: Set[str] = _NOTHING) -> Conversation | RowProblem:
    """The conversation in a record that is read by its columns, or why there is none."""
    if columns.turns or columns.conversation:
        repairs: list[str] = []
        key, turns = _turns(record, columns)
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
            roles=columns.roles or None,
            repairs=repairs,
            raw=record,
        )
    if not isinstance(record, dict):
        problem = f"it is {values.kind(record)}, not an object with columns."
        return problem_in(origin, None, None, "not_a_record", problem, "Write each record as an object.", record)
    repairs = []
    try:
        wanted = ("system", "prompt", "input", "reply")
        texts = {name: _text(record, getattr(columns, name), repairs) for name in wanted}
        thought = within(record, columns.reasoning) if columns.reasoning else None
        reasoning = values.content_text(thought, columns.reasoning, repairs)
        trained = values.is_trained(record, repairs, off)
        tools = values.tool_list(_tools(record).get("tools"))
    except Unusable as error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, record)
    messages = [Message("system", texts["system"])] if texts["system"].strip() else []
    asked = "\n".join(text for text in (texts["prompt"], texts["input"]) if text.strip())
    messages += [Message("user", asked), Message("assistant", texts["reply"], reasoning or None, (), trained)]
    return mend(messages, origin, tools=tools, repairs=repairs, raw=record, off=off)


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


def guess(records: Sequence[object]) -> tuple[Columns | None, str]:
    """How the records might be read, and why; (None, why not) where nothing in them looks like a chat."""
    rows = [record for record in records if isinstance(record, dict)]
    if not rows:
        return None, "the records are no objects with columns"
    columns = names(rows)
    for column in columns:
        turns = next((held for row in rows if (held := _turn_list(within(row, column)))), None)
        if turns:
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
    if len({*full, *filter(None, [reply])}) < 2:
        return None, "there are not two columns of text to be a prompt and a reply"
    system = _named(full, ("system", "system_prompt")) or _like(full, ("system",))
    why = "by the names of the columns"
    # A name or a mood is the same again and again, which few questions are, and fewer replies.
    varied = [column for column in full if len(rows) < 4 or len(set(texts[column])) * 2 > len(texts[column])]
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
    return Columns(prompt=prompt, reply=reply, system=system, reasoning=reasoning), why


def _turn_list(value: object) -> list[dict[str, Any]]:
    try:
        value = values.decoded(value, [])
    except (RecursionError, Unusable):  # reading the record will tell
        return []
    good = isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value)
    return value if good and isinstance(value, list) else []


def _of_turns(column: str, first: list[dict[str, Any]], turns: list[dict[str, Any]]) -> tuple[Columns | None, str]:
    keys = list(first[0])
    texts = {key: [turn[key] for turn in turns if isinstance(turn.get(key), str)] for key in keys}
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
