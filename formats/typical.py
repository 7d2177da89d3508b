"""The most usual records, decoded straight into messages: chats of ShareGPT or OpenAI messages that need no repair and
hold nothing else but an id. It takes half of the time. All others are read in the ordinary way.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET, DecodeError, Struct, UnsetType, field
from msgspec.json import Decoder

from formats.conversation import Message
from formats.values import USUAL

_TRIES = 5  # records of another kind, one after another: then the file holds no typical ones


class _Said(Struct, forbid_unknown_fields=True, gc=False):
    speaker: str = field(name="from")
    text: str = field(name="value")


class _ShareGPT(Struct, forbid_unknown_fields=True, gc=False):
    turns: list[_Said] = field(name="conversations")
    id: str | int | UnsetType | None = UNSET


class _Turn(Struct, forbid_unknown_fields=True, gc=False):
    speaker: str = field(name="role")
    text: str = field(name="content")


class _Messages(Struct, forbid_unknown_fields=True, gc=False):
    turns: list[_Turn] = field(name="messages")
    id: str | int | UnsetType | None = UNSET


@dataclass(slots=True)
class Chat:
    """A record that is read already. `has_id`: it has an id, which a conversation has no place for."""

    messages: tuple[Message, ...]
    has_id: bool


class Typical:
    """Reads typical records of one file."""

    def __init__(self) -> None:
        self._decoders: list[Decoder[_ShareGPT] | Decoder[_Messages]] = [Decoder(_ShareGPT), Decoder(_Messages)]
        self._missed = 0

    def read(self, text: str) -> Chat | None:
        """The chat in a record; None where it is not typical, or no JSON at all, or gives a key twice."""
        if self._missed > _TRIES:
            return None
        found = self._read(text)
        self._missed = 0 if found else self._missed + 1
        return found

    def _read(self, text: str) -> Chat | None:
        try:
            record = self._decoders[0].decode(text)
        except (DecodeError, UnicodeEncodeError):
            self._decoders.reverse()
            try:
                record = self._decoders[0].decode(text)
            except (DecodeError, UnicodeEncodeError):
                return None
        if text.count('":') != 1 + (record.id is not UNSET) + 2 * len(record.turns):
            return None
        messages: list[Message] = []
        last = "assistant"
        for turn in record.turns:
            role, said = USUAL.get(turn.speaker), turn.text
            if role == "system" and not messages:
                last = "assistant"
            elif role == ("user" if last == "assistant" else "assistant"):
                last = role
            else:
                return None
            if not said or said.isspace() or "<" in said or "&" in said or "{" in said or "Copy code\n" in said:
                return None  # it is empty, or repairs of texts have to look at it
            messages.append(Message(role, said))
        if last != "assistant" or not messages or messages[-1].role != "assistant":
            return None
        return Chat(tuple(messages), record.id is not UNSET and record.id not in (None, ""))
