"""The vocabulary of the whole house: Message, ToolCall, Conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool by the assistant. `arguments` stays JSON text: Arrow would merge the keys of all rows."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `train` says whether an assistant turn carries loss; for other roles it has no effect."""

    role: Role
    content: str
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    train: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from: the file's name as the person knows it, and the record's number in it, from 1."""

    file: str
    record: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat. `tools` are tool definitions, each as JSON text. `repairs` are the codes of what was mended in it."""

    messages: tuple[Message, ...]
    origin: Origin
    tools: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
