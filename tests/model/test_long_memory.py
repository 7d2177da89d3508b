"""A conversation of 20 MB takes its memory in a process that ends, and not more than a gigabyte of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from ft.config import TrainConfig
from ft.dataset.build import SourceFile, save, stage
from ft.train import tokens
from ft.ui.data_tokens import markup

pytestmark = pytest.mark.slow
_GB = 1_000_000_000
_LINE = "It was a bright cold day in April, and the clocks were striking thirteen; {} of them.\n"


@pytest.fixture
def book(embedded_model, tmp_path):
    """A dataset whose second conversation has 20 MB in one reply."""
    text = "".join(_LINE.format(number) for number in range(240_000))[:20_000_000]
    turns = [{"role": "user", "content": "Write."}, {"role": "assistant", "content": text}]
    short = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    path = tmp_path / "book.jsonl"
    path.write_text("".join(json.dumps({"messages": each}) + "\n" for each in (short, turns)))
    staged = stage([SourceFile(path, path.name)])
    return save(staged, "book")


@contextmanager
def peaks() -> Iterator[dict[str, int]]:
    """What this process and those below it held at most, in bytes."""
    own, most, over = psutil.Process(), {"own": 0, "below": 0}, threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            below = 0
            for each in own.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    below = max(below, each.memory_info().rss)
            most.update(own=max(most["own"], own.memory_info().rss), below=max(most["below"], below))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def test_twenty_megabytes_are_looked_at_and_counted_within_a_gigabyte_that_comes_back(book):
    config = TrainConfig()
    tokens.look_at(book, 1, config)  # what a process loads once
    before = psutil.Process().memory_info().rss
    with peaks() as looking:
        seen = tokens.look_at(book, 2, config)
    assert seen.tokens > 4_000_000 and len(markup(seen, 1)) < 1_000_000
    with peaks() as counting:
        counts = tokens.count_all(book, config)
    assert max(counts.lengths) == seen.tokens
    print({"before": before, "looking": looking, "counting": counting})
    for most in (looking, counting):
        assert 0 < most["below"] < _GB and most["own"] - before < 100_000_000
