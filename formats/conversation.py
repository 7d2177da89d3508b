"""The vocabulary of the whole house: Message, ToolCall, Conversation."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


class ToolCall(Struct, frozen=True, gc=False):
    """One call of a tool by the assistant. `arguments` stays JSON text: Arrow would merge the keys of all rows.

    `id` is what the tool's result names in `Message.tool_call_id`, where the file has one.
    """

    name: str
    arguments: str
    id: str | None = None


class Message(Struct, frozen=True, gc=False):
    """One turn. `train` says whether an assistant turn carries loss; for other roles it has no effect.

    `name` is the tool's (of a result) or the speaker's, `tool_call_id` the call that a tool's result answers; both None
    where the file does not say.
    """

    role: Role
    content: str
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    train: bool = True
    name: str | None = None
    tool_call_id: str | None = None


class Origin(Struct, frozen=True, gc=False):
    """Where a record came from: the file's name as the person knows it, and the record's number in it, from 1."""

    file: str
    record: int


class Conversation(Struct, frozen=True, gc=False):
    """A chat. `tools` are tool definitions, each as JSON text. `repairs` are the codes of what was mended in it."""

    messages: tuple[Message, ...]
    origin: Origin
    tools: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
