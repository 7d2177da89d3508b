"""What the numbers of turns tell: their order, and of two that stand side by side that one is missing between them, or
that both are replies to the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from formats.conversation import Message
from formats.keys import plain_name
from formats.order import NUMBERS, number, places
from formats.repair import is_empty
from formats.values import id_text

Turn = dict[str, Any]
_NUMBERS = tuple(name for name in NUMBERS if name != "step")  # one step may well have several messages
_VERSIONS = frozenset(
    name + ending
    for name in ("regeneration", "variant", "candidate", "alternative", "attempt", "swipe")
    for ending in ("", "id", "index", "idx", "number", "no")
)


def in_order(turns: list[Any], role_of: Callable[[Turn], str], repairs: list[str]) -> list[Any]:
    """The turns in the order of their numbers and times, which is added to `repairs`, where they stand in another one
    that no chat has: a reply comes first, or a question last. Else as they stand."""
    spoken = [turn for turn in turns if type(turn) is dict and len(turn) > 2]
    if len(spoken) < 2 or len(spoken) < len(turns):
        return turns
    if role_of(turns[0]) != "assistant" and role_of(turns[-1]) != "user":
        return turns
    known, _ = places(turns)
    order = sorted(range(len(turns)), key=known.__getitem__)
    if order == list(range(len(turns))) or len(set(known)) < len(known) or role_of(turns[order[0]]) == "assistant":
        return turns
    repairs.append("turns_sorted")
    return [turns[place] for place in order]


class Numbered:
    """The numbers of the turns of one chat."""

    def __init__(self, turns: Sequence[object], key: str = "") -> None:
        """`key` is that of the number where a person said so; without, it is one of the usual names."""
        self._turns = turns
        self._numbers = _numbers(turns, key)
        self._has_gaps = _are_nearly_all(self._numbers)

    def parts(self, place: int, last: Message, message: Message) -> bool:
        """Whether a turn is missing before the one at that place: it is by the one who spoke last."""
        if not self._has_gaps or place == 0 or (last.role, last.name) != (message.role, message.name):
            return False
        before, own = self._numbers[place - 1], self._numbers[place]
        return before is not None and own is not None and own - before > 1

    def are_versions(self, place: int, last: Message, message: Message) -> bool:
        """Whether the turn at that place and the one before it are two replies to the same."""
        if (last.role, message.role, last.name) != ("assistant", "assistant", message.name) or place == 0:
            return False
        before, own = self._turns[place - 1], self._turns[place]
        if is_empty(last) or is_empty(message) or not (isinstance(before, dict) and isinstance(own, dict)):
            return False
        told = self._numbers[place] if self._numbers else None
        same = told is not None and told == self._numbers[place - 1]
        return same or _version(before) != _version(own)


def _version(turn: Mapping[str, Any]) -> list[str]:
    return [id_text(value) for key, value in turn.items() if plain_name(key) in _VERSIONS]


def _numbers(turns: Sequence[object], key: str) -> list[float | None]:
    """The number of each turn, of the first usual key that the last one has; [] where there is none."""
    last = turns[-1] if turns else None
    if not isinstance(last, dict) or len(last) < 3:
        return []
    if not key:
        names = {plain_name(each): each for each in last}
        key = next((names[name] for name in _NUMBERS if name in names and number(last[names[name]]) is not None), "")
    read = [number(turn.get(key)) if isinstance(turn, dict) else None for turn in turns] if key else []
    # All of one number may say something else, unless it is that of a turn.
    return read if len(set(read)) > 1 or plain_name(key).startswith("turn") else []


def _are_nearly_all(numbers: Sequence[float | None]) -> bool:
    """Whether a few turns alone are missing between these, which rise by one: numbers that count the messages of a
    whole file have wide gaps."""
    known = [each for each in numbers if each is not None]
    if len(known) < len(numbers) or len(known) < 2 or not all(map(float.is_integer, known)):
        return False
    missing = known[-1] - known[0] + 1 - len(known)
    return all(before < after for before, after in pairwise(known)) and 0 < missing <= max(1, len(known) // 4)
