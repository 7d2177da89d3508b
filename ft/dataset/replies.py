"""What the replies of a dataset come to: how many think first, and of how many chats nothing is learned."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ft.dataset import parquet

_COLUMNS = [f"messages.list.element.{name}" for name in ("role", "train", "reasoning")]


class Replies(NamedTuple):
    """How many conversations hold what a reply thought first, and how many hold no reply that is to be learned."""

    reasoned: int
    unlearned: int


def count_replies(path: Path) -> Replies:
    """What the replies in a file of conversations come to.

    Raises:
        UserError: the file is damaged.
    """
    reasoned, unlearned = 0, 0
    for part in parquet.groups(path, _COLUMNS):
        for lists in part["messages"].chunks if part.num_columns else ():
            turns = dict(zip(lists.type.value_type.names, lists.flatten().flatten(), strict=True))
            if "reasoning" in turns:
                reasoned += _holding(lists, pc.greater(pc.binary_length(turns["reasoning"]), 0))
            learned = pc.and_(pc.equal(turns["role"], "assistant"), pc.fill_null(turns["train"], True))
            unlearned += len(lists) - _holding(lists, learned)
    return Replies(reasoned, unlearned)


def _holding(lists: pa.ListArray, turns: pa.Array) -> int:
    """In how many of the `lists` there is one of the `turns` (bool)."""
    return int(pc.count_distinct(pc.list_parent_indices(lists).filter(turns)).as_py())
