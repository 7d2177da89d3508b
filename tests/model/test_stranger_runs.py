"""A run on a model whose chat template never ends: it can be stopped, and ends by itself."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import psutil
import pytest
from going import end, follow, worker
from stranger import NEVER

from ft.runs import launch
from ft.runs.status import status
from ft.template import apart
from ft.train.worker import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]


@pytest.fixture
def endless(tiny_run, tiny_model, tmp_path):
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (model / "chat_template.jinja").write_text(NEVER)
    return tiny_run(model=str(model))


def test_it_is_stopped_where_somebody_asks_for_it(endless):
    launch.start(endless)
    follow(endless, "preparing", what="Tokenizing the conversations")
    deadline = time.monotonic() + 600
    while len(there := worker(endless).children(recursive=True)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)  # those that read the template, apart
    launch.stop(endless)
    end(endless)
    assert status(endless).state == "stopped"
    assert there and not psutil.wait_procs(there, timeout=20)[1]


def with_few_seconds(words: list[str]) -> int:
    """A worker that lets a template compute for 3 seconds."""
    apart._SECONDS, apart._SECONDS_A_CHARACTER = 3.0, 0.0
    return main(words)


def test_it_ends_by_itself(endless, forked):
    forked.start("test_stranger_runs:with_few_seconds", endless)
    end(endless)
    now = status(endless)
    assert now.state == "failed" and "3 seconds of computing" in now.message
