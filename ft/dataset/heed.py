"""Work that somebody may end: it goes through its items while they are still waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def heeded(items: Iterable[Item], heed: Callable[[], None] | None) -> Iterator[Item]:
    """The same, with `heed` called before each: what it raises ends whoever goes through them."""
    for item in items:
        if heed:
            heed()
        yield item
