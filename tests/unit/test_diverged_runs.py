"""Whoever talks to what a diverged run left is told that it diverged, and what to train with instead."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from synthetic_runs import events_of, write

from ft.chat.engine import Engine
from ft.cli import main
from ft.config import TrainConfig
from ft.errors import UserError
from ft.runs.directory import Run
from ft.runs.status import caution
from ft.ui import chat_choice

FALLING = lambda epoch: 2 + math.exp(-epoch)  # noqa: E731
BACK_UP = lambda epoch: 4.5 - 2 * epoch if epoch < 1 else 5.0  # noqa: E731
RULE = "1.3e-3"  # of the default model


def diverged(home: Path, end: str, checkpoint: bool = True) -> Run:
    said = {"given": "step 31", "why": "the training loss became nan: the model diverged.", "todo": "x"}
    events = events_of(FALLING, None, last=30, end="failed", **said)
    if end != "failed":
        events = events_of(BACK_UP, FALLING, end=end)
    run = write(home, end, events, TrainConfig(learning_rate=1.0))
    if checkpoint:
        folder = run.checkpoints / "checkpoint-24" if end == "failed" else run.adapter
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"")
    return run


@pytest.mark.parametrize("end", ["failed", "finished", "stopped"])
def test_the_chat_of_a_diverged_run_says_so_with_the_rate_to_try(home, end):
    run = diverged(home, end)
    said = caution(run)
    assert "diverged" in said and "the steps were too large" in said
    assert "learning rate 0.0013 instead of 1" in said
    assert chat_choice.note(run.id, run) == said


def test_a_run_that_diverged_before_its_first_checkpoint_is_not_to_be_resumed(home, capsys):
    run = diverged(home, "failed", checkpoint=False)
    other = diverged(home, "finished")
    with pytest.raises(UserError) as refused:
        Engine().open(run.id)
    for said in (str(refused.value), chat_choice.note(run.id, other)):
        assert "diverged before its first checkpoint" in said and "0.0013 instead of 1" in said
        assert "resume" not in said and "Wait" not in said
    assert main(["chat", run.id, "--prompt", "Hi"]) == 1
    assert "diverged before its first checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["finished", "stopped", ""])
def test_there_is_nothing_to_say_of_a_run_that_did_not_diverge(home, end):
    assert caution(write(home, "x", events_of(FALLING, FALLING, end=end))) == ""
