"""Thoughts that stand in the text of a reply, between tokens of another model: found, and made its reasoning."""

from __future__ import annotations

import re

from msgspec.structs import replace

from formats.conversation import Conversation, Message

# Of Sky-T1 and OpenThoughts (<|begin_of_thought|>), Command (<|START_THINKING|>), Apertus (<|inner_prefix|>), Magistral
# ([THINK]), Kimi and gpt-oss (a channel of its own), Marco-o1 (<Thought>), prompts of Claude (<thinking>) and what Open
# WebUI makes of thoughts (<details type="reasoning">). Most templates know <think> by themselves: it stays in the text.
_TOKENS = re.compile(
    r"(?P<open><\|(?:begin_of_|start_of_|begin_|start_)?(?:thoughts?|think(?:ing)?|reasoning)\|>"
    r"|<\|inner_prefix\|>|(?-i:\[THINK\])|\u25c1think\u25b7"
    r"|<(?:thinking|thoughts?|reasoning)>"
    r"|<details type=\"reasoning\"[^<>]{0,200}>(?:\s{0,9}<summary>[^<>]{0,200}</summary>)?)"
    r"|(?P<close><\|(?:end_of_|end_|/)(?:thoughts?|think(?:ing)?|reasoning)\|>"
    r"|<\|inner_suffix\|>|(?-i:\[/THINK\])|\u25c1/think\u25b7|</(?:thinking|thoughts?|reasoning|details)>)"
    r"|(?P<channel><\|channel\|>analysis<\|message\|>)|(?P<end><\|end\|>)",
    re.IGNORECASE,
)
# What such models write around the answer then.
_AROUND = re.compile(
    r"<\|(?:begin|start|end)_(?:of_)?(?:solution|response|answer)\|>"
    r"|(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>|<\|start\|>assistant\b|<\|return\|>",
    re.IGNORECASE,
)
_WRAPS = re.compile(r"<(/?)(answer|output|response|solution)>", re.IGNORECASE)
_TOKEN = re.compile(r"<\|[^<>|]{1,40}\|>")
_OPENS = {"close": "open", "end": "channel"}


def found_in(text: str) -> bool:
    """Whether a token that begins or ends a thought stands in the text."""
    return any(token.lastgroup != "end" for token in _tokens(text))


def without_tokens(text: str) -> str:
    """The text without the tokens around its thoughts and its answer, to look for others in it."""
    return _TOKENS.sub("\n", _AROUND.sub("\n", text)) if found_in(text) else text


def parted(text: str) -> tuple[str, str] | None:
    """(what is thought, what is said) of a text; None where none is, or that is not certain."""
    thought: list[str] = []
    said: list[str] = []
    place, opened = 0, ""
    for token in _tokens(text):
        kind = str(token.lastgroup)
        if kind == "end" and opened != "channel":
            continue
        if kind in _OPENS:
            begun_by_prompt = not place and kind == "close"  # some prompts end with the token that opens a thought
            if opened != _OPENS[kind] and not begun_by_prompt:
                return None
            thought.append(text[place : token.start()])
            opened = ""
        elif opened:
            return None
        else:
            said.append(text[place : token.start()])
            opened = kind
        place = token.end()
    answer = _paragraphs([*(_AROUND.sub("", each) for each in said), _AROUND.sub("", text[place:])])
    return (_paragraphs(thought), _unwrapped(answer)) if place and not opened else None


def _unwrapped(answer: str) -> str:
    """The answer without the tag around all of it, behind which control tokens may be left over."""
    tags = list(_WRAPS.finditer(answer))
    if len(tags) < 2 or tags[0].start() or tags[0][1] or not tags[-1][1] or tags[0][2].lower() != tags[-1][2].lower():
        return answer
    behind = answer[tags[-1].end() :]
    return answer if _TOKEN.sub("", behind) else answer[tags[0].end() : tags[-1].start()].strip() + behind


def shown(text: str) -> str:
    """A piece of a text with its thought in brackets; "" where that is not certain."""
    parts = parted(text)
    return f"({parts[0]}) {parts[1]}" if parts else ""


def reasoned(conversation: Conversation) -> Conversation:
    """The conversation with the thoughts in its replies as their reasoning; a reply stays where that is not certain."""
    return replace(conversation, messages=tuple(map(reasoned_reply, conversation.messages)))


def reasoned_reply(message: Message) -> Message:
    """The reply with the thoughts in its text as its reasoning; turns of others stay as they are."""
    parts = parted(message.content) if message.role == "assistant" else None
    if parts is None or not (parts[1] or message.tool_calls):  # it would have nothing left to say
        return message
    thought, answer = parts
    return replace(message, content=answer, reasoning=_paragraphs([message.reasoning or "", thought]) or None)


def _tokens(text: str) -> list[re.Match[str]]:
    may = "|>" in text or "[" in text or "</" in text or "\u25c1" in text
    found = list(_TOKENS.finditer(text)) if may else []
    html = [token for token in found if token[0].lower() == "</details>"]  # of another fold, where no thought is one
    folds = any(token[0].lower().startswith("<details") for token in found)
    return found if folds or not html else [token for token in found if token not in html]


def _paragraphs(texts: list[str]) -> str:
    return "\n\n".join(text.strip() for text in texts if text.strip())
