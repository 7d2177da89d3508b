"""Control tokens of chat templates that stand in a text, where no template put them: found, and taken out."""

from __future__ import annotations

import re

from msgspec.structs import replace

from formats.conversation import Conversation, Message
from ft.checks import thoughts

# Of the families that one meets: ChatML, Llama 2, 3 and 4, Mistral, Gemma, Phi, gpt-oss, DeepSeek. With a token that
# opens a turn goes the name of who speaks, and with one that opens a channel its name.
_TOKENS = re.compile(
    r"<\|(?:im_start|start)\|>(?:(?:system|developer|user|assistant|tool)\b)?\n?"
    r"|<\|(?:start_header_id|header_start)\|>\w{0,20}<\|(?:end_header_id|header_end)\|>\n{0,2}"
    r"|<\|channel\|>(?:(?:analysis|commentary|final)\b)?"
    r"|<start_of_turn>(?:(?:user|model)\b)?\n?"
    r"|<\|[A-Za-z][A-Za-z0-9_]{0,40}\|>"
    r"|<\uff5c[^\s<>|\uff5c]{1,40}\uff5c>"
    r"|<(?:end_of_turn|bos|eos|pad|unk)>|</?s>|<</?SYS>>|\[/?INST\]"
)


def found_in(text: str) -> re.Match[str] | None:
    """The first control token of a text."""
    return _TOKENS.search(text) if "<" in text or "[" in text else None


def without(text: str) -> str:
    """The text without them, and without the white space that they leave at its ends."""
    return _TOKENS.sub("", text).strip() if found_in(text) else text


def cleaned(conversation: Conversation) -> Conversation:
    """The conversation without them; as it was where a message would have nothing left to say. Tokens around a thought
    part it from the reply: it becomes the reasoning, and where that is not certain the reply stays as it is."""
    messages = tuple(map(_message, conversation.messages))
    emptied = any(
        old.content and not new.content and not new.tool_calls
        for old, new in zip(conversation.messages, messages, strict=True)
    )
    return conversation if emptied else replace(conversation, messages=messages)


def _message(message: Message) -> Message:
    message = thoughts.reasoned_reply(message)
    if message.role == "assistant" and thoughts.found_in(message.content):
        return message
    reasoning = None if message.reasoning is None else without(message.reasoning)
    return replace(message, content=without(message.content), reasoning=reasoning)
