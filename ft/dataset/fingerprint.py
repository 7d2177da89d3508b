"""Two numbers that say which conversations are the same: but for case and white space, and to the letter."""

from __future__ import annotations

import xxhash

from formats.conversation import Conversation, Message
from ft.dataset.split import normalised_bytes

_TURN = "\x00"  # no white space, so that it stands between turns when their texts are normalised in one go


def fingerprint(conversation: Conversation) -> int:
    """64 bits that are the same for conversations whose turns and tools are, but for case, white space and calls' ids.

    Raises:
        UnicodeEncodeError: the text cannot be written as UTF-8.
    """
    text = "".join([f"{_TURN} {m.role} {m.content}{_told(m)}" for m in conversation.messages])
    if text.count(_TURN) != len(conversation.messages):  # it may stand in a text, too
        parts = [f"{_TURN} {m.role} {m.content.replace(_TURN, ' 0 ')}{_told(m)}" for m in conversation.messages]
        text = "".join(parts)
    tools = repr(conversation.tools).encode() if conversation.tools else b""
    return xxhash.xxh3_64_intdigest(normalised_bytes(text) + tools)


def exact(conversation: Conversation) -> int:
    """64 bits that change with any change of what the conversation holds: a letter, a role, what is trained on.

    Raises:
        UnicodeEncodeError: the text cannot be written as UTF-8.
    """
    parts = [f"{m.role} {len(m.content)} {m.train} {m.content}{_beside(m)}" for m in conversation.messages]
    return xxhash.xxh3_64_intdigest(("".join(parts) + repr(conversation.tools)).encode())


def _told(message: Message) -> str:
    """What a turn tells beside its text: reasoning and calls."""
    if message.reasoning is None and not message.tool_calls:
        return ""
    return f"{_TURN} {message.reasoning} {[(call.name, call.arguments) for call in message.tool_calls]!r}"


def _beside(message: Message) -> str:
    """All that a turn holds beside its text."""
    if message.reasoning is message.name is message.tool_call_id is None and not message.tool_calls:
        return ""
    return f"{_TURN} {(message.reasoning, message.tool_calls, message.name, message.tool_call_id)!r}"
