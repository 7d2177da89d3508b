"""What may be mended inside the text of turns: HTML that was saved along, HTML entities, unfilled placeholders."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from formats.conversation import Conversation
from formats.debris import has_debris, without_debris
from formats.notes import Notes
from formats.problems import RowProblem
from formats.reading import Reading
from formats.repair import has_name, is_empty, mend

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_. -]{0,40}?)\s*\}\}")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|nbsp|apos|#\d{1,6}|#x[0-9a-fA-F]{1,5});")


def mend_texts(
    conversation: Conversation, reading: Reading, notes: Notes, raw: object = None
) -> Conversation | RowProblem:
    """The conversation with the repairs of texts that are on; what the others would touch is counted in `notes`.

    Where a repair leaves nothing of a turn, that turn is missing: the conversation, or the problem of the record `raw`,
    is what that makes of it.
    """
    names = [message for message in conversation.messages if message.name]
    if names and any(map(has_name, names)) and not reading.allows("names_in_text"):
        notes.found["names_in_text"] += 1
    for message in conversation.messages:  # most texts hold none of the characters that would have to be looked at
        text = message.content
        if "<" in text or "&" in text or "{" in text or "Copy code\n" in text:
            found = _mend_texts(conversation, reading, notes)
            if any(map(is_empty, found.messages)):
                turns, repairs = list(found.messages), found.repairs
                return mend(turns, found.origin, tools=found.tools, repairs=repairs, raw=raw, off=reading.off)
            return found
    return conversation


def _mend_texts(conversation: Conversation, reading: Reading, notes: Notes) -> Conversation:
    for code, mends, apply in (
        ("html_debris", has_debris, without_debris),
        ("html_entities", _has_entity, html.unescape),
    ):
        if any(mends(message.content) for message in conversation.messages):
            if reading.allows(code):
                conversation = _changed(conversation, code, apply, notes)
            else:
                notes.found[code] += 1
    if any("{{" in message.content for message in conversation.messages):
        conversation = _filled(conversation, reading, notes)
    return conversation


def _has_entity(text: str) -> bool:
    return "&" in text and bool(_ENTITY.search(text))


def _changed(conversation: Conversation, code: str, apply: Callable[[str], str], notes: Notes) -> Conversation:
    """The conversation with `apply` on each text; where that changed one, `code` is among its repairs."""
    before = conversation.messages
    after = tuple(replace(m, content=text) if (text := apply(m.content)) != m.content else m for m in before)
    for old, new in zip(before, after, strict=True):
        if old is not new:
            notes.example(code, conversation.origin, old.content, new.content)
            return replace(conversation, messages=after, repairs=(*conversation.repairs, code))
    return conversation


def placeholders(text: str) -> list[str]:
    """The names of the placeholders in a text: {{name}}."""
    return PLACEHOLDER.findall(text) if "{{" in text else []


def _filled(conversation: Conversation, reading: Reading, notes: Notes) -> Conversation:
    fill = reading.fill if reading.allows("placeholders_filled") else {}
    names = {name for message in conversation.messages for name in placeholders(message.content)}
    if names & set(fill):
        conversation = _changed(conversation, "placeholders_filled", lambda text: fill_in(text, fill), notes)
    left = names - set(fill)
    notes.placeholders.update(left)
    notes.with_placeholders += bool(left)
    return conversation


def fill_in(text: str, fill: Mapping[str, str]) -> str:
    """The text with each placeholder that `fill` names in its place."""
    return PLACEHOLDER.sub(lambda found: fill.get(found[1], found[0]), text)
