"""What the formats share: reading text, JSON and training flags out of raw values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from formats.conversation import Role

# What a role is called in people's files; the first of each row is the usual spelling of ShareGPT or OpenAI.
SPELLINGS: dict[Role, tuple[str, ...]] = {
    "user": ("human", "user", "prompter", "question", "customer", "instruction"),
    "assistant": ("gpt", "assistant", "chatgpt", "bing", "bard", "bot", "model", "ai", "claude", "answer", "agent"),
    "system": ("system", "developer"),
    "tool": ("tool", "observation", "observations", "function_response", "tool_response", "ipython", "function"),
}
ROLE_OF: dict[str, Role] = {spelling: role for role, names in SPELLINGS.items() for spelling in names}
CALL_ROLES = frozenset({"function_call", "tool_call", "tool_calls"})
USUAL: dict[str, Role] = {
    name: ROLE_OF[name]
    for name in ("human", "user", "gpt", "assistant", "system", "tool", "observation", "function_response")
}
FLAGS = ("train", "loss", "weight", "loss_weight")
_MEDIA = ("image", "audio", "video", "file", "input_image", "input_audio")
_SEEN = ("image", "image_url", "audio", "audio_url", "input_audio", "video", "video_url", "inline_data", "file_data")
_SAID = ("request", "response", "refusal")  # what DeepSeek calls parts of text, and OpenAI one that refuses
# Parts of a line, as Telegram marks them: what stands beside them goes on without a break.
_INLINE = (
    *("link", "text_link", "mention", "mention_name", "hashtag", "cashtag", "bot_command", "bold", "italic"),
    *("underline", "strikethrough", "spoiler", "code", "pre", "blockquote", "email", "phone", "custom_emoji", "plain"),
)
_WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_PYTHON = re.compile(r"(array\()?[\[({][\s\[({]{0,9}'")  # how a list or an object begins as Python prints it


class Unusable(ValueError):
    """A raw value that cannot be read: the field it stands in, a code, what is wrong and what to do about it."""

    def __init__(self, field: str | None, code: str, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.field, self.code, self.problem, self.fix = field, code, problem, fix


def missing(value: object) -> bool:
    """Whether a field holds nothing: null, an empty text, or NaN, as tables write an empty cell."""
    return value is None or value == "" or value != value


def bare(value: object) -> object:
    """The value in an object that only says of which type it is, as MongoDB writes ids and times: {"$oid": "..."}."""
    while isinstance(value, dict) and len(value) == 1 and str(next(iter(value))).startswith("$"):
        value = next(iter(value.values()))
    return value


def id_text(value: object) -> str:
    """An id as text, the same for 7, "7" and 7.0, as tables write a column of whole numbers with gaps; "" for none."""
    value = bare(value)
    if missing(value) or isinstance(value, (bool, list, dict)):
        return ""
    text = str(value).strip()
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def blank(value: object) -> bool:
    """Whether a text, which may stand in parts, says nothing."""
    if isinstance(value, str):
        return not value.strip()
    return all(map(_says_nothing, value)) if isinstance(value, list) else missing(value) or value == {}


def _says_nothing(part: object) -> bool:
    if not isinstance(part, dict):
        return blank(part)
    rest = (value for key, value in part.items() if key != "type")
    return "text" in str(part.get("type") or "text") and all(blank(value) for value in rest)


def first_of(record: Mapping[str, Any], *keys: str) -> tuple[str, Any]:
    """The first of `keys` under which something stands, and what; (the first key, None) where nothing does."""
    return next(((key, record[key]) for key in keys if not missing(record.get(key))), (keys[0], None))


def content_text(value: object, field: str, repairs: list[str]) -> str:
    """The text of a turn: a string, nothing, a number as it is written (which `repairs` then tells), or a list of text
    parts ({"type": "text", "text" or "value": ...}, or one such part)."""
    if isinstance(value, str):
        return value
    if missing(value) or value == {}:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        repairs.append("number_as_text")
        return str(value)
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        value = [value]
    if not isinstance(value, list):
        fix = "Put the turn's text there as a string."
        raise Unusable(field, "not_text", f"it is {kind(value)}, where text was expected.", fix)
    texts = [_part_text(part, field) for part in value]
    return "".join(texts) if any(map(_is_inline, value)) else join_texts(texts)


def join_texts(parts: Iterable[str]) -> str:
    """One text of its parts. A part goes on where the one before ends or it begins with white space: such parts were
    cut out of one text. Others stand on lines of their own."""
    whole = ""
    for part in filter(None, parts):
        goes_on = not whole or whole[-1].isspace() or part[0].isspace()
        whole += part if goes_on else f"\n{part}"
    return whole


def _is_inline(part: object) -> bool:
    return isinstance(part, dict) and str(part.get("type")).lower() in _INLINE


def _part_text(part: object, field: str) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise Unusable(field, "not_text_part", f"it holds a part that is {kind(part)}, not text.", "Leave it out.")
    if isinstance(part.get("role"), str) or isinstance(part.get("from"), str):
        problem = "it holds turns, where one text was expected: who said what would be lost."
        fix = f"Read it as turns (--map turns={field}), or put the text that is meant under {field}."
        raise Unusable(field, "turns_as_text", problem, fix)
    what, found = str(part.get("type") or "text"), first_of(part, "text", "value", "content", "refusal")[1]
    if isinstance(found, dict) and isinstance(found.get("value"), str):  # as OpenAI's threads have it
        found = found["value"]
    seen = next((key for key in _SEEN if not missing(part.get(key))), "")
    if what.startswith(_MEDIA) or seen:
        what = what if what.startswith(_MEDIA) else seen
        problem = f"it holds a part of type {what!r}; only text can be trained on."
        raise Unusable(field, "media", problem, "Leave this record out, or describe in text what the part shows.")
    if "text" in what and found is None and "text" in part:
        return ""
    if ("text" not in what and what.lower() not in (*_SAID, *_INLINE)) or not isinstance(found, str):
        named = f"of type {what!r}" if "type" in part else "with " + ", ".join(str(key)[:30] for key in list(part)[:6])
        problem = f"it holds a part {named}; only text can be trained on."
        raise Unusable(field, "not_text_part", problem, "Leave it out.")
    return found


def given_twice(keys: list[str]) -> Unusable:
    """What is wrong with an object that gives these keys twice."""
    named = ", ".join(repr(key[:30]) for key in dict.fromkeys(keys))
    problem = f"it gives a key more than once, with different values: {named}."
    fix = "Keep the one that is meant: a JSON reader would take the last and drop the others."
    return Unusable(None, "duplicate_key", problem, fix)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    twice = [key for key, value in pairs if made[key] != value] if len(made) < len(pairs) else []
    if twice:
        raise given_twice(twice)
    return made


def loads(text: str) -> Any:
    """The value that a JSON text holds.

    Raises:
        json.JSONDecodeError: it is none.
        Unusable: an object in it gives a key twice, with different values, or a number in it is too long.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError:
        raise
    except Unusable:
        raise
    except ValueError as error:  # a whole number of thousands of digits
        raise Unusable(None, "bad_json", f"a number in it is too long ({error}).", "Write it as text.") from error


def decoded(value: object, repairs: list[str]) -> object:
    """JSON that stands as text where a list or an object belongs, decoded (up to twice); else the value as it is."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", '"'):
            break
        try:
            value = loads(value)
        except json.JSONDecodeError:
            break
        repairs.append("double_encoded")
    return value


def or_python(value: object, otherwise: Unusable) -> Unusable:
    """What is wrong with a `value` that should be JSON: `otherwise`, unless it is what Python prints of a list or an
    object."""
    if not isinstance(value, str) or not _PYTHON.match(value[:200].lstrip()):
        return otherwise
    fix = (
        "Save it again as JSON: with json.dumps in place of str, or as DataFrame.to_json(..., orient='records', "
        "lines=True) does."
    )
    return Unusable(otherwise.field, "python_text", f"its {otherwise.field} is Python ('...'), not JSON.", fix)


def is_trained(turn: Mapping[str, Any], repairs: list[str], off: Set[str]) -> bool:
    """Whether the turn's flags let it be trained on: train / loss / weight / loss_weight of 0 or 1, true or false.

    Any other number is refused, or (with the repair weight_as_one) taken as 1.
    """
    trained = True
    for name in FLAGS:
        value = turn.get(name)
        if missing(value):
            continue
        told = flag(value)
        if told is None:
            number = isinstance(value, (int, float)) and value > 0
            if not number or "weight_as_one" in off:
                problem = f"its {name} is {str(value)[:40]!r}; only 0 and 1 can be trained with."
                fix = f"Set {name} to 0 or 1" + (
                    ", or switch the repair weight_as_one on (--repair weight_as_one)." if number else "."
                )
                raise Unusable(name, "bad_weight", problem, fix)
            repairs.append("weight_as_one")
        trained = trained and told is not False
    return trained


def flag(value: object) -> bool | None:
    """Yes or no, of true, false, 0, 1 or their words, as tables write them; None where it is something else."""
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None


def plain_keys(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its keys in lower case; itself where they are, or where two keys would become one."""
    for key in record:
        if not key.islower() and key != key.lower():
            plain = {each.lower(): value for each, value in record.items()}
            return plain if len(plain) == len(record) else record
    return record


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = ((dict, "an object"), (list, "a list"), (bool, "true or false"), ((int, float), "a number"), (str, "text"))
    return next((name for types, name in names if isinstance(value, types)), "nothing")
