"""The Chat tab's choice: which runs and checkpoints can be talked to, and that it follows a run that goes on."""

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.runs import deletion, directory, events
from ft.runs.directory import Run
from ft.ui import chat_choice, chat_events
from ft.ui.chat_reply import Talk


def new_run() -> Run:
    return directory.create(save(stage([sample_file()]), "sample"), TrainConfig())


@pytest.fixture
def run(home: Path) -> Run:
    run = new_run()
    events.append(run, "validation", step=0, loss=4.9)
    add_checkpoint(run, 8, 3.1)
    return run


def add_checkpoint(run: Run, step: int, loss: float) -> None:
    events.append(run, "validation", step=step, loss=loss)
    write_adapter(run.checkpoints / f"checkpoint-{step}")


def write_adapter(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")


def finish(run: Run, **figures: Any) -> None:
    write_adapter(run.adapter)
    events.append(run, "finished", step=16, tokens_per_second=200.0, **figures)


def words(updates: Any) -> str:
    return repr([getattr(update, "constructor_args", update) for update in updates])


def test_the_tuned_pane_names_the_run_and_the_step_of_its_checkpoint(run: Run):
    assert f"Tuned · {run.name} · step 8" in words(chat_events.choose(run.id, None, None, {}, Talk()))
    add_checkpoint(run, 16, 3.4)
    finish(run, best_step=8)
    assert f"Tuned · {run.name} · step 8, best by validation loss" in words(
        chat_events.choose(run.id, None, None, {}, Talk())
    )


def test_an_adapter_of_a_run_without_validation_is_not_called_the_best(home: Path):
    run = new_run()
    finish(run, best_step=16)
    assert chat_choice.checkpoint_title(run, "best") == "step 16, kept at the end"


def test_a_new_checkpoint_of_a_run_that_goes_on_can_be_chosen_without_asking(run: Run):
    talk = Talk()
    chat_events.choose(run.id, None, None, {}, talk)
    assert chat_events.refresh(run.id, run.id, "checkpoint-8", {}, talk) == gr.skip()
    add_checkpoint(run, 16, 2.9)
    after = words(chat_events.refresh(run.id, run.id, "checkpoint-8", {}, talk))
    assert "step 16" in after and f"Tuned · {run.name} · step 8" in after


def test_nothing_is_changed_while_a_reply_is_written(run: Run):
    talk = Talk(going=True)
    assert chat_events.choose(run.id, None, None, {}, talk) == gr.skip()
    assert chat_events.refresh(run.id, run.id, "checkpoint-8", {}, talk) == gr.skip()


def test_a_run_that_was_deleted_meanwhile_is_said_and_the_conversation_stays(run: Run):
    turn = {"user": "Who are you?", "base": {"text": "I"}, "tuned": {"text": "Ahoy"}}
    kept = {f"{run.id}/checkpoint-8": [turn]}
    deletion.delete(run)
    shown = words(chat_events.show_checkpoint(run.id, "checkpoint-8", kept))
    assert "there is no such run" in shown and "Ahoy" in shown


def test_the_chat_s_settings_outlive_a_refresh_and_the_system_prompt_is_of_one_run_alone():
    kept = chat_events.remember("run-1", "Be brief.", 0.7, 128)
    assert chat_events.restored("run-1", kept) == ("Be brief.", 0.7, 128)
    assert chat_events.restored("run-2", kept) == (gr.skip(), 0.7, 128)
    assert chat_events.restored("run-1", {"system": 3}) == (gr.skip(),) * 3
