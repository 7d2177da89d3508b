"""The export of ChatGPT: {"title", "mapping": {id: {"message", "parent", "children"}}, "current_node"}.

The mapping is a tree: every edit and every new answer is a branch. The chat that a person saw last is the branch from
the current node up to the root.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from msgspec.structs import replace

from formats.conversation import Conversation, Message, Origin
from formats.problems import RowProblem
from formats.repair import mend, problem_in
from formats.values import Unusable, join_texts

_NOTHING: frozenset[str] = frozenset()
_TEXTS = ("text", "result", "content", "output_str")
_ROLES = ("system", "user", "assistant", "tool")
# What the site keeps for itself among the messages: nobody said it in the chat.
_THOUGHTS = "thoughts"  # the content type of what a model thought before its answer
_OF_PERSON, _OF_MODEL = "user_editable_context", "model_editable_context"  # custom instructions, and what is remembered
_UNSAID = (_THOUGHTS, "reasoning_recap", _OF_PERSON, _OF_MODEL)
_UNSEEN = ("system_error", "tether_browsing_display")  # a turn was taken, but this is not what a person saw of it
INSTRUCTIONS = "custom_instructions"  # the repair


def read(record: object, origin: Origin, off: Set[str] = _NOTHING) -> Conversation | RowProblem:
    """The current branch of an exported chat, or why there is none. Other branches are left out, which is a repair."""
    if not isinstance(record, dict) or not isinstance(record.get("mapping"), dict):
        problem, fix = "it has no mapping of messages.", "Export the chats from ChatGPT again."
        return problem_in(origin, None, "mapping", "bad_tree", problem, fix, record)
    repairs: list[str] = []
    try:
        messages: list[Message] = []
        thoughts: list[str] = []
        instructions: list[str] = []
        mapping = record["mapping"]
        branch = _branch(mapping, record.get("current_node"))
        if any(_is_seen(node) for id, node in mapping.items() if id not in branch):
            repairs.append("other_branches")
        for number, node in enumerate(branch.values(), 1):
            thoughts += _thoughts(node)
            instructions += _instructions(node)
            message = _message(node, number)
            if message and message.role == "assistant" and message.content and thoughts:
                message, thoughts = replace(message, reasoning="\n\n".join(thoughts)), []
            if message:
                _append(messages, message)
    except Unusable as error:
        return problem_in(origin, None, error.field, error.code, error.problem, error.fix, record)
    if instructions and INSTRUCTIONS not in off:
        repairs.append(INSTRUCTIONS)
        if messages and messages[0].role == "system":
            instructions.append(messages.pop(0).content)
        messages.insert(0, Message("system", "\n\n".join(dict.fromkeys(instructions))))
    return mend(messages, origin, tools=(), repairs=repairs, raw=record, off=off)


def _append(messages: list[Message], message: Message) -> None:
    """Put it behind them. One that nobody saw only counts where it parts turns of the other side."""
    last = messages[-1].role if messages else ""
    if not message.content and (last == message.role or (message.role == "tool" and last != "assistant")):
        return
    if last == message.role == "assistant" and not messages[-1].content:
        messages.pop()
    messages.append(message)


def _branch(mapping: dict[str, Any], current: object) -> dict[str, dict[str, Any]]:
    """The messages from the root to the current node, by their ids; empty ones where a node has none."""
    if not isinstance(current, str) or current not in mapping:
        leaves = [key for key, node in mapping.items() if isinstance(node, dict) and not node.get("children")]
        current = leaves[-1] if leaves else None
    branch: dict[str, dict[str, Any]] = {}
    while isinstance(current, str):
        node = mapping.get(current)
        if current in branch or not isinstance(node, dict):
            problem = "its tree of messages has no way from the current message to its root."
            raise Unusable("mapping", "bad_tree", problem, "Export the chats from ChatGPT again.")
        message = node.get("message")
        branch[current] = message if isinstance(message, dict) else {}
        current = node.get("parent")
        if current is not None and not isinstance(current, str):
            raise Unusable("parent", "bad_tree", "the parent of a message is no id.", "Export the chats again.")
    return dict(reversed(branch.items()))


def _is_seen(node: object) -> bool:
    """Whether the node holds a message that a person could see."""
    message = node.get("message") if isinstance(node, dict) else None
    try:
        return isinstance(message, dict) and _has_text(_message(message, 0))
    except Unusable:  # a picture, say
        return True


def _has_text(message: Message | None) -> bool:
    return message is not None and bool(message.content)


def _thoughts(node: dict[str, Any]) -> list[str]:
    """What the model thought, where the node holds that alone: it belongs to the answer that follows."""
    content = node.get("content")
    if not isinstance(content, dict) or content.get("content_type") != _THOUGHTS:
        return []
    held = content.get("thoughts")
    texts = (
        [each.get("content") or each.get("summary") for each in held if isinstance(each, dict)]
        if isinstance(held, list)
        else []
    )
    return [text for text in texts if isinstance(text, str) and text.strip()]


def _instructions(node: dict[str, Any]) -> list[str]:
    """What the model was told in all chats: the person's custom instructions, in their own words where they are kept,
    or what it was to remember of the person."""
    content, metadata = node.get("content"), node.get("metadata")
    what = content.get("content_type") if isinstance(content, dict) else None
    if not isinstance(content, dict) or what not in (_OF_PERSON, _OF_MODEL):
        return []
    own = metadata.get("user_context_message_data") if isinstance(metadata, dict) else None
    own = own if isinstance(own, dict) else {}
    texts = [own.get("about_user_message"), own.get("about_model_message")]
    if not any(texts):
        texts = [content.get(key) for key in ("user_profile", "user_instructions", "model_set_context")]
    return [text for text in texts if isinstance(text, str) and text.strip()]


def unread(record: dict[str, Any], off: Set[str]) -> list[str]:
    """The kinds of messages in the branch of a chat that was read which hold text and were left out, sorted."""
    kinds = set()
    for node in _branch(record["mapping"], record.get("current_node")).values():
        content = node.get("content")
        if not isinstance(content, dict) or _has_text(_message(node, 0)) or _thoughts(node):
            continue
        if _instructions(node) and INSTRUCTIONS not in off:
            continue
        held = [text for key in content if key != "content_type" for text in _listed(content[key])]
        if any(isinstance(text, str) and text.strip() for text in held):
            kinds.add(str(content.get("content_type") or "text")[:40])
    return sorted(kinds)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _message(node: dict[str, Any], number: int) -> Message | None:
    """The message of a node, without text where a turn was taken but nobody saw what was said; None where none was."""
    if not node:
        return None
    author, content = node.get("author"), node.get("content")
    role = author.get("role") if isinstance(author, dict) else None
    metadata = node.get("metadata") if isinstance(node.get("metadata"), dict) else {}
    hidden = bool(metadata and metadata.get("is_visually_hidden_from_conversation"))
    if isinstance(content, str):  # as older exports and other tools write it
        content = {"parts": [content]}
    if not isinstance(content, dict):
        content = {"parts": []}
    if content.get("content_type") in _UNSAID:
        return None
    seen = content.get("content_type") not in _UNSEEN and not hidden
    if role not in _ROLES and seen:
        problem = f"message {number} is by {str(role)[:60]!r}, which is not known."
        raise Unusable("author", "unknown_role", problem, "Leave this chat out.")
    text = _text(content) if seen else ""
    if role not in _ROLES or (role == "system" and not text.strip()):
        return None
    name = author.get("name") if isinstance(author, dict) else None
    name = name if role == "tool" and isinstance(name, str) else None
    if not text.strip():
        return Message(role, "", name=name)
    recipient = node.get("recipient")
    if role == "assistant" and isinstance(recipient, str) and recipient not in ("all", ""):
        return Message("assistant", text, train=False)  # what it wrote to a tool of the site, which nobody has here
    return Message(role, text, name=name)


def _text(content: dict[str, Any]) -> str:
    parts = content.get("parts")
    if not isinstance(parts, list):
        if not any(key in content for key in _TEXTS):
            problem = f"a message holds {str(content.get('content_type'))[:40]}; only text can be trained on."
            raise Unusable("content", "not_text_part", problem, "Leave this chat out.")
        parts = [next((content[key] for key in _TEXTS if content.get(key)), "")]
    texts = []
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("text"), str):  # speech, with what was said
            texts.append(part["text"])
        elif isinstance(part, str):
            texts.append(part)
        else:
            what = str(part.get("content_type", "an object")) if isinstance(part, dict) else "no text"
            problem = f"a message holds {what}; only text can be trained on."
            raise Unusable("content", "media", problem, "Leave this chat out.")
    return join_texts(texts)
