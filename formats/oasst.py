"""Trees of OASST: {"message_tree_id", "prompt": {"text", "role", "replies": [{"text", "role", "rank", "replies"}]}}.

Of replies that are ranked the best is read, and so on from there (see `formats.branches`).
"""

from __future__ import annotations

from collections.abc import Set

from formats.conversation import Conversation, Origin
from formats.problems import RowProblem
from formats.repair import problem_in
from formats.turns import read_turns

_NOTHING: frozenset[str] = frozenset()


def read(record: object, origin: Origin, off: Set[str] = _NOTHING) -> Conversation | RowProblem:
    """The best branch of a tree of messages, or why there is none."""
    if not isinstance(record, dict) or not isinstance(record.get("prompt"), dict):
        problem, fix = "it has no prompt that is a message with replies.", "Write each tree as OASST does."
        return problem_in(origin, None, "prompt", "bad_tree", problem, fix, record)
    return read_turns(record, [record["prompt"]], "prompt", origin, off)
