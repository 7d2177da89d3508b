"""A change of a dataset's conversations, as a value: what an edit, a deletion, a dedup or a redaction comes down to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field

from msgspec import structs

from formats.conversation import Conversation
from ft.figures import count


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done with the conversations of a dataset, named by their row (0: the first, in the file's order).

    `words` tell a person what it does, for the dataset's history ("2 conversations deleted").
    """

    words: str
    delete: Set[int] = frozenset()
    replace: Mapping[int, Conversation] = field(default_factory=dict)
    add: tuple[Conversation, ...] = ()


def deletion(rows: Collection[int]) -> Change:
    """The conversations in those rows go."""
    which = (
        f"Conversation {min(rows) + 1:,} deleted" if len(rows) == 1 else f"{count(len(rows), 'conversation')} deleted"
    )
    return Change(which, delete=frozenset(rows))


def replacement(row: int, conversation: Conversation) -> Change:
    """The conversation in that row becomes this one."""
    return Change(f"Conversation {row + 1:,} edited", replace={row: conversation})


def duplication(row: int, conversation: Conversation) -> Change:
    """The conversation in that row comes once more, at the end."""
    return Change(f"Conversation {row + 1:,} duplicated", add=(conversation,))


def addition(conversation: Conversation, how: str = "by hand") -> Change:
    """A new conversation comes, at the end."""
    return Change(f"A conversation added {how}", add=(conversation,))


def training(chosen: Mapping[int, Conversation], trained: bool) -> Change:
    """All replies in those conversations are learnt from, or none is (then they are context only).

    Those that are so already stay as they are.
    """
    replaced = {}
    for row, conversation in chosen.items():
        messages = tuple(
            structs.replace(message, train=trained) if message.role == "assistant" else message
            for message in conversation.messages
        )
        if messages != conversation.messages:
            replaced[row] = structs.replace(conversation, messages=messages)
    what = "to be learnt from" if trained else "not to be learnt from"
    return Change(f"{count(len(replaced), 'conversation')} marked {what}", replace=replaced)
