"""A list of raw turns -> messages: what ShareGPT, OpenAI messages and bare lists of turns have in common."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Set
from itertools import zip_longest
from typing import Any

from msgspec.structs import replace

from formats import shapes, thoughts, values
from formats.branches import is_tree, require_one_model, shown_branch, two_replies
from formats.calls import tool_calls, tool_list
from formats.conversation import Conversation, Message, Origin, Role, ToolCall
from formats.flags import has_failed, is_context
from formats.numbered import Numbered, in_order
from formats.parts import at_results, has_results, read_parts
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.speakers import ROLE_KEYS, name_of, name_of_turn, said_by, unknown_role
from formats.values import FLAGS, USUAL, Unusable

# The keys that a list of turns is found under, and a turn's text, in the order in which they are tried.
LISTS = (
    *("conversations", "conversation", "messages", "items", "dialog", "dialogue", "dialogs", "chat", "turns"),
    *("chats", "data"),
)
TEXT_KEYS = ("value", "content", "text", "message", "markdown", "utterance", "parts", "fragments")
REFUSAL = "refusal"  # what OpenAI's assistant says in place of a text, beside content null
SYSTEM_KEYS = ("system", "system_prompt")
TOOL_KEYS = ("tools", "functions")
CALL_KEYS = ("tool_calls", "function_call")
_REPLIES = ("response", "completion", "output", "answer", "reply")
_BESIDE = frozenset((*TOOL_KEYS, *SYSTEM_KEYS, *FLAGS))
_ROLES = frozenset(ROLE_KEYS)
_NOTHING: frozenset[str] = frozenset()


def turns_key(record: Mapping[str, Any]) -> tuple[str, bool]:
    """The key that the record's list of turns stands under, and whether it is sure to be one; "" where there is none.

    A key that holds nothing does not hide another one that holds turns.
    """
    likely = ""
    for key in LISTS:
        if key in record:
            held = record[key]
            if type(held) is list and held and type(held[0]) is dict and not _ROLES.isdisjoint(held[0]):
                return key, True
            if not likely or values.missing(record[likely]):
                likely = key
    return likely, False


def read_turns(
    record: Mapping[str, Any],
    turns: object,
    field: str,
    origin: Origin,
    off: Set[str] = _NOTHING,
    *,
    role_key: str = "",
    text_key: str = "",
    reasoning_key: str = "",
    roles: Mapping[str, Role] | None = None,
    repairs: list[str] | None = None,
    raw: object = None,
    number_key: str = "",
) -> Conversation | RowProblem:
    """The conversation in `turns`, a list that stands under record[field].

    `off` are the repairs that are switched off. `role_key`, `text_key`, `reasoning_key`, `number_key` and `roles` say
    how the turns are written where that is not one of the usual ways. `repairs` are those made already; `raw` is what a
    problem shows (the record).
    """
    place: int | None = None
    repairs = [] if repairs is None else repairs
    raw = (record or turns) if raw is None else raw
    try:
        if not isinstance(turns, list):
            turns = values.decoded(turns, repairs)
        if not isinstance(turns, list):
            wrong = Unusable(
                field, "no_turns", f"its {field} is no list of turns.", f"Put the turns in a list: {field}."
            )
            raise values.or_python(turns, wrong)
        turns = shapes.as_turns(turns, field, record, repairs)
        if is_tree(turns):
            turns = shown_branch(turns, raw, repairs)
        elif not number_key:
            turns = in_order(turns, lambda turn: _known_role(turn, role_key, roles), repairs)
        messages: list[Message] = []
        numbered = Numbered(turns, number_key)
        for number, turn in enumerate(turns, 1):
            if type(turn) is dict and len(turn) == 2:  # as most turns are: a usual role, and its text
                said, text = turn.get("from"), turn.get("value")
                if said is None:
                    said, text = turn.get("role"), turn.get("content")
                if type(text) is str and type(said) is str and said in USUAL and roles is None:
                    messages.append(Message(USUAL[said], text))
                    continue
            place = number
            turn = turn if isinstance(turn, dict) else values.decoded(turn, repairs)
            if not isinstance(turn, dict):
                fix = "Write each turn as an object with a role and a text."
                wrong = Unusable(None, "bad_turn", "it is not an object with a role and a text.", fix)
                raise values.or_python(turn, wrong)
            if shapes.is_service(turn):
                repairs.append("empty_turn_removed")
                continue
            keys = (role_key_of(turn, role_key), text_key_of(turn, text_key), thought_key_of(turn, reasoning_key))
            said = len(messages)
            if has_failed(turn):
                left_out = _message({**turn, keys[1]: ""}, repairs, off, keys, roles)
                messages.append(Message(left_out.role, "", name=left_out.name))
                repairs.append("failed_turn_removed")
                continue
            for piece in at_results(turn, keys[1], repairs) if has_results(turn.get(keys[1])) else (turn,):
                messages.append(piece if isinstance(piece, Message) else _message(piece, repairs, off, keys, roles))
            if 0 < said < len(messages) and numbered.are_versions(number - 1, messages[said - 1], messages[said]):
                raise two_replies()
            if 0 < said < len(messages) and messages[said - 1].role == messages[said].role == "assistant":
                require_one_model(turns[number - 2], turn)
            if 0 < said < len(messages) and numbered.parts(number - 1, messages[said - 1], messages[said]):
                del messages[said:]
                repairs.append("cut_at_missing_turn")
                break
        place = None
        if key := reply_beside(record, turns, roles):
            messages.append(Message("assistant", record[key]))
            repairs.append("reply_beside")
        tools: tuple[str, ...] = ()
        if not _BESIDE.isdisjoint(record):
            tools = tools_of(record, repairs)
            _put_system(record, messages, repairs)
            if not values.is_trained(record, repairs, off):
                messages = [replace(each, train=False) if each.role == "assistant" else each for each in messages]
    except Unusable as error:
        is_named = error.code == "unknown_role" and record
        fix = error.fix + (_whose(turns, field, role_key, text_key, roles or {}) if is_named else "")
        return problem_in(origin, place, error.field, error.code, error.problem, fix, raw)
    return mend(messages, origin, tools=tools, repairs=repairs, raw=raw, off=off)


def reply_beside(record: Mapping[str, Any], turns: object, roles: Mapping[str, Role] | None = None) -> str:
    """The key of the reply that stands beside a list of turns which ends with the question, as logs of requests have
    it; "" where there is none."""
    if not isinstance(turns, list) or not turns or not isinstance(turns[-1], dict):
        return ""
    key = next((key for key in _REPLIES if isinstance(record.get(key), str) and record[key].strip()), "")
    return key if key and _known_role(turns[-1], "", roles) == "user" else ""


def _whose(turns: object, field: str, role_key: str, text_key: str, roles: Mapping[str, Role]) -> str:
    """How to say whose role each name in the turns is, as what is typed beside them; "" where there is no name."""
    listed = turns if isinstance(turns, list) else []
    spoken = [turn for turn in listed if isinstance(turn, dict) and not shapes.is_service(turn)]
    unknown = [turn for turn in spoken if not _known_role(turn, role_key, roles)]
    names = dict.fromkeys(said for turn in unknown if (said := said_by(turn.get(role_key_of(turn, role_key)))))
    if not names:
        return ""
    known: list[str] = [*roles.values(), *(_known_role(turn, role_key, roles) for turn in spoken)]
    free = [role for role in ("user", "assistant") if role not in known]
    given = {**roles, **dict(zip_longest(names, free[: len(names)], fillvalue="user"))}
    asked = [f"turns={field}", f"role={role_key_of(unknown[0], role_key)}", f"text={text_key_of(unknown[0], text_key)}"]
    line = " --map ".join(map(shlex.quote, [*asked, *(f"role.{name}={role}" for name, role in given.items())]))
    return f" If these are names, say whose role each is, for example: --map {line}"


def _put_system(record: Mapping[str, Any], messages: list[Message], repairs: list[str]) -> None:
    """A system column becomes the first turn; a first system turn wins over it."""
    key, column = values.first_of(record, *SYSTEM_KEYS)
    if column is None:
        return
    system = values.content_text(column, key, repairs)
    tell_second(record, key, SYSTEM_KEYS, repairs)
    if system.strip() and not (messages and messages[0].role == "system"):
        messages.insert(0, Message("system", system))
    elif system.strip() not in ("", messages[0].content.strip() if messages else ""):
        repairs.append("system_column_ignored")


def tools_of(record: Mapping[str, Any], repairs: list[str]) -> tuple[str, ...]:
    """The tool definitions of a record, as JSON texts."""
    held = {key: record[key] for key in TOOL_KEYS if not values.missing(record.get(key)) and record[key] != []}
    key, defined = values.first_of(held, *TOOL_KEYS)
    tell_second(held, key, TOOL_KEYS, repairs)
    return tool_list(defined)


def tell_second(record: Mapping[str, Any], taken: str, names: tuple[str, ...], repairs: list[str]) -> None:
    """Tell in `repairs` if another column of those names holds something else than the one that was taken."""
    if any(
        name != taken and record[name] != record.get(taken) for name in names if not values.missing(record.get(name))
    ):
        repairs.append("second_column_ignored")


def role_key_of(turn: Mapping[str, Any], chosen: str = "") -> str:
    """The key that says who speaks in a turn: the one that was chosen, or the first usual one; "" where none does."""
    return chosen or next((key for key in ROLE_KEYS if not values.missing(turn.get(key))), "")


def text_key_of(turn: Mapping[str, Any], chosen: str = "") -> str:
    """The key that a turn's text stands under: the one that was chosen, or a usual one; "" where there is none.

    A key that holds nothing does not hide another one that holds the text.
    """
    if chosen and (chosen not in turn or not values.blank(turn[chosen])):
        return chosen
    empty = chosen
    for key in TEXT_KEYS:
        if key in turn:
            if not values.blank(turn[key]):
                return key
            empty = empty or key
    refused = turn.get(REFUSAL)
    return REFUSAL if isinstance(refused, str) and refused.strip() else empty


def thought_key_of(turn: Mapping[str, Any], chosen: str = "") -> str:
    """The key that a turn's thought stands under: the one that was chosen, or a usual one; "" where there is none."""
    return chosen if chosen and chosen in turn else thoughts.key_in(turn)


def _message(
    turn: dict[str, Any],
    repairs: list[str],
    off: Set[str],
    keys: tuple[str, str, str],
    roles: Mapping[str, Role] | None,
) -> Message:
    """The message in a turn, whose role, text and thought stand under `keys` ("": there is none); what had to be mended
    in it is added to `repairs`."""
    role_key, text_key, thought_key = keys
    calling = [key for key in CALL_KEYS if not values.missing(turn.get(key)) and turn[key] not in ([], {})]
    if role_key not in turn or (text_key not in turn and not calling and not thought_key):
        problem = f"it has {_names(turn)}, where from and value, or role and content, were expected."
        raise Unusable(None, "no_role_or_text", problem, shapes.how_to_name(turn))
    role, kind = _role(turn[role_key], role_key, repairs, roles)
    train = values.is_trained(turn, repairs, off) and not is_context(turn) if role == "assistant" else True
    name = name_of_turn(turn, role_key, role, roles)
    call_id = held if isinstance(held := turn.get("tool_call_id"), str) and held else None
    reasoning = values.content_text(turn[thought_key], thought_key, repairs) if thought_key else ""
    if kind == "call":
        key = text_key or next(iter(calling), "")
        return Message("assistant", "", reasoning or None, tool_calls(turn.get(key), key), train, name)
    parts = read_parts(turn.get(text_key), text_key, repairs)
    content = values.content_text(parts.said, text_key, repairs)
    if role == "assistant" and not reasoning and (kind == "thought" or thoughts.is_marked(turn)):
        content, reasoning = "", content
    calls: tuple[ToolCall, ...] = ()
    for key, held in (*((key, turn[key]) for key in calling), (text_key, parts.calls)):
        found = tool_calls(held, key) if held else ()
        known = {(call.name, call.arguments) for call in calls}  # some files give a call in both ways
        calls += tuple(call for call in found if (call.name, call.arguments) not in known)
    if calls and role != "assistant":
        fix = "Move the call to the assistant's turn."
        raise Unusable(
            next(iter(calling), text_key), "bad_tool_call", f"the {role} calls a tool; only the assistant can.", fix
        )
    thought = [
        *([reasoning] if reasoning else []),
        *(each for each in parts.thought if each and each != reasoning),
    ]
    return Message(role, content, values.join_texts(thought) or None, calls, train, name, call_id)


def _known_role(turn: Mapping[str, Any], role_key: str, roles: Mapping[str, Role] | None) -> str:
    """The role of a turn, "" where that is not known."""
    try:
        return _role(turn.get(role_key_of(turn, role_key)), "", [], roles)[0]
    except Unusable:
        return ""


def _role(said: object, key: str, repairs: list[str], roles: Mapping[str, Role] | None) -> tuple[Role, str]:
    """The role that a turn names, and whether it says that the turn is a "call" of a tool or a "thought"; else ""."""
    if isinstance(said, dict):
        said = said["role"] if isinstance(said.get("role"), str) else name_of(said) or said
    name = said.strip() if isinstance(said, str) else str(said) if isinstance(said, int) else ""
    role = (roles.get(name) or roles.get(name.lower())) if roles else None
    if thoughts.is_kind(name) and role in (None, "assistant"):
        return "assistant", "thought"
    if role:
        return role, ""
    lower = name.lower()
    if lower in values.CALL_ROLES:
        return "assistant", "call"
    role = values.ROLE_OF.get(lower) or values.ROLE_OF.get(lower.rstrip(":"))
    if role is None:
        raise unknown_role(said, key)
    if lower not in USUAL and lower not in ("tool",) and roles is None:
        repairs.append("role_normalised")
    return role, ""


def _names(turn: dict[str, Any]) -> str:
    return ", ".join(str(key)[:30] for key in list(turn)[:6]) or "no keys"
