"""A machine whose GPU nvidia-smi names and torch does not reach: nothing is trained on the CPU under the GPU's name."""

from __future__ import annotations

import json

import pytest
from going import end
from test_together import TWO_GPUS

from ft.errors import UserError
from ft.models.hardware import STAND_IN
from ft.models.load import load_base
from ft.runs import launch
from ft.runs.status import status

pytestmark = pytest.mark.slow


@pytest.fixture
def out_of_reach(nvidia_smi, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    nvidia_smi(TWO_GPUS)
    monkeypatch.delenv(STAND_IN)


def test_a_run_ends_in_words_before_its_model_is_loaded(tiny_run, out_of_reach):
    run = tiny_run()
    launch.start(run)
    end(run)
    ended = status(run)
    assert ended.state == "failed" and ended.step == 0
    assert ended.message.startswith("the GPU A GPU: PyTorch"), ended.message
    assert not run.adapter.exists() and "started" not in run.events_path.read_text()


def test_a_chat_loads_no_model_on_the_cpu_in_its_place(tiny_model, out_of_reach):
    with pytest.raises(UserError, match="the GPU A GPU"):
        load_base(tiny_model, "lora")


def test_a_run_names_what_it_was_computed_on(tiny_run, nvidia_smi):
    nvidia_smi(TWO_GPUS)
    run = tiny_run(max_steps=1, eval_steps=1)
    launch.start(run)
    end(run)
    assert json.loads(run.receipt_path.read_text())["device"].startswith("A GPU, 1 GB")
