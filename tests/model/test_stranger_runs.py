"""A run on a model whose chat template never ends: it can be stopped, and ends by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from going import end
from stranger import NEVER

from ft.runs import launch
from ft.runs.status import status

pytestmark = pytest.mark.slow


@pytest.fixture
def endless(tiny_run, tiny_model, tmp_path):
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (model / "chat_template.jinja").write_text(NEVER)
    return tiny_run(model=str(model))


def test_it_is_stopped_where_somebody_asks_for_it(endless):
    launch.start(endless)
    for event in launch.wait(endless):
        if event["kind"] == "preparing" and "Tokenising" in event["what"]:
            launch.stop(endless)
    assert status(endless).state == "stopped"


def test_it_ends_by_itself(endless):
    launch.start(endless)
    end(endless)
    now = status(endless)
    assert now.state == "failed" and "seconds of computing" in now.message
