"""Work in a thread of its own, followed from an event of the page.

A follower that wakes up between steps can show progress and be stopped while the work itself is at something long.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TypeVar

Item = TypeVar("Item")
Say = Callable[[str], None]


class _ClosedError(Exception):
    """Nobody follows any more."""


def follow(
    work: Callable[[Say], Generator[Item, None, None]], wake_seconds: float = 0.2
) -> Generator[Item | str | None, None, None]:
    """Run `work(say)` and yield what it says and what it yields, the newest where several came at once.

    None is yielded when nothing came for `wake_seconds`. Closing this iterator closes `work` at its next item, and
    ends it where it says something next.

    Raises:
        what `work` raises.
    """
    items: queue.SimpleQueue[Item | str] = queue.SimpleQueue()
    closed = threading.Event()

    def say(text: str) -> None:
        if closed.is_set():
            raise _ClosedError
        items.put(text)

    def run() -> None:
        with suppress(_ClosedError), closing(work(say)) as made:
            for item in made:
                items.put(item)
                if closed.is_set():
                    return

    executor = ThreadPoolExecutor(1, thread_name_prefix="sidetune-page")
    future = executor.submit(run)
    try:
        while not future.done() or not items.empty():
            try:
                newest = items.get(timeout=wake_seconds)
                while not items.empty():
                    newest = items.get()
            except queue.Empty:
                if not future.done():
                    yield None
                continue
            yield newest
        future.result()
    finally:
        closed.set()
        executor.shutdown(wait=False)
