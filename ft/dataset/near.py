"""Conversations that are the same, and those that are nearly so: found by MinHash, and each one verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from rensa import RMinHash, RMinHashLSH

from formats.conversation import Conversation
from ft.dataset.change import Change
from ft.dataset.fingerprint import fingerprint
from ft.dataset.split import normalised
from ft.figures import count

THRESHOLD = 0.8
WORDS = 3  # in a shingle
_PERMUTATIONS, _BANDS = 128, 32
_A_PROGRESS = 1000  # conversations


@dataclass(frozen=True, slots=True)
class Group:
    """Rows (0: the first) of conversations that are like the first of them.

    `kind` is "same" where all are the same but for case and white space, else "near". `similarity` is the lowest of any
    of them to the first: the Jaccard index of their shingles (runs of 3 words), 0 to 1.
    """

    rows: tuple[int, ...]
    kind: Literal["same", "near"]
    similarity: float


@dataclass(slots=True)
class _Growing:
    rows: list[int]
    shingles: np.ndarray | None
    similarity: float = 1.0
    near: bool = False


def groups(
    conversations: Iterable[Conversation],
    *,
    threshold: float | None = THRESHOLD,
    progress: Callable[[int], None] | None = None,
) -> list[Group]:
    """The groups of two or more conversations that are alike, largest first. None as threshold: only the same ones.

    A conversation joins the first earlier one that it is similar enough to, so no group drifts away from its first.
    Candidates come from a locality-sensitive hash (MinHash with 128 permutations in 32 bands), and are verified.
    """
    index = RMinHashLSH(threshold=threshold or THRESHOLD, num_perm=_PERMUTATIONS, num_bands=_BANDS)
    same: dict[int, _Growing] = {}
    first_of: dict[int, _Growing] = {}
    for row, conversation in enumerate(conversations):
        if progress and row % _A_PROGRESS == 0:
            progress(row)
        print_ = fingerprint(conversation)
        known = same.get(print_)
        if known is not None:
            known.rows.append(row)
            continue
        group = _Growing([row], None)
        if threshold is not None:
            words = _shingles(conversation)
            hashed = RMinHash(num_perm=_PERMUTATIONS, seed=42)
            hashed.update(words)
            shingles = np.unique(np.fromiter(map(hash, words), np.int64, len(words)))
            found = _most_like(shingles, sorted(index.query(hashed)), first_of, threshold)
            if found is None:
                group.shingles = shingles
                index.insert(row, hashed)
                first_of[row] = group
            else:
                group, similarity = found
                group.rows.append(row)
                group.near = True
                group.similarity = min(group.similarity, similarity)
        same[print_] = group
    alike = {id(group): group for group in same.values() if len(group.rows) > 1}
    made = [
        Group(tuple(sorted(each.rows)), "near" if each.near else "same", round(each.similarity, 3))
        for each in alike.values()
    ]
    return sorted(made, key=lambda group: (-len(group.rows), group.rows))


def _most_like(
    shingles: np.ndarray, candidates: Sequence[int], first_of: dict[int, _Growing], threshold: float
) -> tuple[_Growing, float] | None:
    for row in candidates:
        group = first_of[row]
        similarity = _jaccard(shingles, group.shingles) if group.shingles is not None else 0.0
        if similarity >= threshold:
            return group, similarity
    return None


def _jaccard(one: np.ndarray, other: np.ndarray) -> float:
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


def _shingles(conversation: Conversation) -> list[str]:
    """Runs of 3 words of the conversation, each turn beginning with its role."""
    words = list(
        chain.from_iterable(
            [message.role, *normalised(message.content).split(), *(call.arguments for call in message.tool_calls)]
            for message in conversation.messages
        )
    )
    if len(words) <= WORDS:
        return [" ".join(words)]
    return [" ".join(words[place : place + WORDS]) for place in range(len(words) - WORDS + 1)]


def removal(found: Sequence[Group]) -> Change:
    """Of each group only the first conversation stays.

    Raises:
        ValueError: there is no group.
    """
    rows = frozenset(row for group in found for row in group.rows[1:])
    if not rows:
        raise ValueError("no group to remove from")
    what = "duplicate" if all(group.kind == "same" for group in found) else "duplicate and near duplicate"
    return Change(f"{count(len(rows), what)} deleted", delete=rows)


def across(found: Iterable[Group], held_out: Callable[[int], bool]) -> list[Group]:
    """The groups that stand on both sides of the split: what is held out is then partly learnt."""
    return [group for group in found if len({held_out(row) for row in group.rows}) == 2]
