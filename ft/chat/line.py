"""Who waits for the one engine: first come, first served, and each is told how many are before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ft.figures import count

_TOLD_EVERY = 0.5  # seconds


class Line:
    """The first in line has the engine."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[object] = []

    @property
    def empty(self) -> bool:
        """Whether nobody has the engine or waits for it."""
        return not self._waiting

    @contextmanager
    def turn(self, progress: Callable[[str], None] | None) -> Iterator[None]:
        """Wait until all are through who came before, and hold the engine until the block ends.

        `progress` is told twice a second how many are before; what it raises ends the wait.
        """
        mine = object()
        with self._changed:
            self._waiting.append(mine)
        try:
            while before := self._waiting.index(mine):
                if progress:
                    progress(f"{count(before, 'other')} {'is' if before == 1 else 'are'} before you")
                with self._changed:
                    if self._waiting[0] is not mine:
                        self._changed.wait(_TOLD_EVERY)
            yield
        finally:
            with self._changed:
                self._waiting.remove(mine)
                self._changed.notify_all()
