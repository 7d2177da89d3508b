"""A change of a dataset's conversations, as a value: what an edit, a deletion, a dedup or a redaction comes down to."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from formats.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done with the conversations of a dataset, named by their row (0: the first, in the file's order).

    `words` tell a person what it does, for the dataset's history ("2 conversations deleted").
    """

    words: str
    delete: Set[int] = frozenset()
    replace: Mapping[int, Conversation] = field(default_factory=dict)
    add: tuple[Conversation, ...] = ()
