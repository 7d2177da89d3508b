"""A base model whose files changed after a run, and the chat of a run that diverged: real runs of a tiny model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from going import end, finished

from ft.cli import main
from ft.runs import events, launch
from ft.runs.status import status

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]


def test_a_chat_template_that_changed_is_refused_until_it_is_put_back(tiny_run, tiny_model, tmp_path, capsys):
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    run = finished(tiny_run(model=str(model)))
    template = model / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|im_start|>", "###"))
    ask = ["chat", run.id, "--prompt", "Hi", "--max-new-tokens", "2", "--json"]
    assert main(ask) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["given"] == f"the chat template of {model}" and str(run.adapter / template.name) in error["todo"]
    shutil.rmtree(run.adapter)  # as of a run that was stopped in the middle
    run.events_path.write_text("".join(line for line in run.events_path.open() if '"finished"' not in line))
    events.append(run, "stopped", step=12)
    launch.resume(run)
    end(run)
    assert status(run).state == "failed" and "chat template" in status(run).message
    (newest,) = [path for path in run.checkpoints.iterdir() if path.name == "checkpoint-12"]
    shutil.copy(newest / template.name, template)
    assert main(ask) == 0


def test_the_command_line_says_that_a_run_diverged_beside_its_replies(tiny_run, capsys):
    run = finished(tiny_run(learning_rate=1.0, lora_alpha=1, max_steps=4))
    events.append(run, "failed", given="step 5", why="the training loss became nan: the model diverged.", todo="x")
    ask = ["chat", run.id, "--prompt", "Hi", "--max-new-tokens", "2"]
    assert main([*ask, "--json"]) == 0
    assert "at step 5" in json.loads(capsys.readouterr().out)["caution"].lower()
    assert main(ask) == 0
    assert "Warning: This run diverged" in capsys.readouterr().out
