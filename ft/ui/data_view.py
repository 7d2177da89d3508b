"""Conversations as chat bubbles. All text of a person's data is escaped: it never becomes part of the page's markup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from formats.conversation import Conversation, Message
from formats.repair import REPAIRS

SHOWN_AT_ONCE = 600  # characters of a turn, before "show all"
DRAWN = 20_000  # characters of a turn that are sent to the page at all
_WORD = 40  # characters: a longer one is cut
TURNS_AT_ONCE = 20
TURNS_DRAWN = 200
WHO = {"system": "Told first (system)", "user": "Person", "assistant": "Assistant", "tool": "Result of a tool"}


def bubbles(conversations: Iterable[Conversation], first: int) -> str:
    """The conversations as HTML; `first` is the number of the first of them, from 1."""
    return "".join(_conversation(each, number) for number, each in enumerate(conversations, first))


def _conversation(conversation: Conversation, number: int) -> str:
    origin = conversation.origin
    notes = [f"{escape(origin.file)}, record {origin.record:,}"] if origin.file else []
    notes += [escape(str(REPAIRS.get(code, code))).rstrip(".") for code in conversation.repairs]
    turns = [_turn(message) for message in conversation.messages[:TURNS_DRAWN]]
    body = "".join(turns[:TURNS_AT_ONCE])
    if len(turns) > TURNS_AT_ONCE:
        body += _folded(f"Show {len(turns) - TURNS_AT_ONCE} more turns", "".join(turns[TURNS_AT_ONCE:]))
    if len(conversation.messages) > TURNS_DRAWN:
        body += f'<p class="quiet">{len(conversation.messages) - TURNS_DRAWN:,} further turns are not drawn here.</p>'
    tools = _tools(conversation.tools)
    return (
        f'<article class="conversation" aria-label="Conversation {number:,}">'
        f'<p class="conversation-head"><b>{number:,}</b> <span>{" · ".join(notes)}</span></p>{tools}{body}</article>'
    )


def _turn(message: Message) -> str:
    untrained = message.role == "assistant" and not message.train
    parts = []
    if message.reasoning:
        parts.append(_folded("Reasoning", _text(message.reasoning, "quiet")))
    if message.content:
        parts.append(_text(message.content, "mono" if message.role == "tool" else ""))
    parts += [
        f'<div class="tool-call"><span class="quiet">calls</span> <code>{escape(call.name)}</code>'
        f"{_text(call.arguments, 'mono')}</div>"
        for call in message.tool_calls
    ]
    mark = ' <span class="mark">not trained on</span>' if untrained else ""
    name = f" · {escape(message.name)}" if message.name else ""
    kind = f"turn turn-{message.role}{' untrained' if untrained else ''}"
    return f'<div class="{kind}"><p class="who">{WHO[message.role]}{name}{mark}</p>{"".join(parts)}</div>'


def _text(text: str, kind: str) -> str:
    if len(text) <= SHOWN_AT_ONCE:
        return f'<div class="words {kind}" dir="auto">{escape(text)}</div>'
    begun = text[: cut(text, SHOWN_AT_ONCE)].rstrip()
    left = len(text) - DRAWN
    # Unfolded, the whole text stands in one piece, and its beginning is hidden: see style.css.
    whole = f'<div class="words {kind}" dir="auto">{escape(text[:DRAWN])}</div>'
    if left > 0:
        whole += f'<p class="quiet">{left:,} further characters are not drawn here.</p>'
    more = f'<span class="more">Show the other {len(text) - len(begun):,} characters</span>'
    fold = _folded(f'{more}<span class="less">Show less</span>', whole)
    return f'<div class="long"><div class="words {kind} begun" dir="auto">{escape(begun)} …</div>{fold}</div>'


def shortened(text: str, most: int) -> str:
    """At most so many characters of the text and an ellipsis, cut between two words where there is a place to."""
    if len(text) <= most:
        return text
    return f"{text[: cut(text, most)].rstrip()} …"


def cut(text: str, most: int) -> int:
    """Where to cut the text: after `most` characters, or before the word that stands there, if it is not long."""
    begun = re.search(r"\S*$", text[:most])
    return begun.start() if begun and most - begun.start() < min(most, _WORD) and not text[most].isspace() else most


def _tools(tools: tuple[str, ...]) -> str:
    if not tools:
        return ""
    title = "1 tool is described to the model" if len(tools) == 1 else f"{len(tools)} tools are described to the model"
    return _folded(title, "".join(_text(tool, "mono") for tool in tools))


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>{body}</details>"
