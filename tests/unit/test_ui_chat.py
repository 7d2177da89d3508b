"""The Chat tab's choice: which runs and checkpoints can be talked to, and that it follows a run that goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from visitor import REPLIES, Visitor, replies

from ft.chat.engine import Engine
from ft.chat.pair import Pair, Reply
from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.runs import deletion, directory, events
from ft.runs.directory import Run
from ft.ui import alerts, chat_choice, chat_events, chat_reply, chat_turns
from ft.ui.chat_reply import Talk

TURN = {"user": "Who are you?", "base": {"text": "I"}, "tuned": {"text": "Ahoy"}}


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
    *_, drawn = chat_events.choose(run.id, None, None, {}, talk)
    assert chat_events.refresh(run.id, run.id, "checkpoint-8", {}, talk, drawn) == gr.skip()
    add_checkpoint(run, 16, 2.9)
    after = words(chat_events.refresh(run.id, run.id, "checkpoint-8", {}, talk, drawn))
    assert "step 16" in after and f"Tuned · {run.name} · step 8" in after


def test_the_best_checkpoint_takes_the_place_of_one_that_nobody_chose(run: Run):
    add_checkpoint(run, 16, 2.9)
    finish(run, best_step=16)
    best, talked = f"Tuned · {run.name} · step 16, best", {f"{run.id}/checkpoint-8": [TURN]}
    shown = {"wanted": run.id, "run_id": run.id, "checkpoint": "checkpoint-8"}
    assert best in words(chat_events.choose(**shown, kept={}, talk=Talk()))
    assert best not in words(chat_events.choose(**shown, kept=talked, talk=Talk()))
    talk = Talk()
    chat_events.show_checkpoint(run.id, "checkpoint-8", {}, talk)
    assert best not in words(chat_events.choose(**shown, kept={}, talk=talk))


def test_a_page_that_is_opened_anew_goes_on_with_the_conversation_that_was_last(run: Run):
    newer = new_run()
    add_checkpoint(newer, 4, 3.0)
    kept = {f"{newer.id}/checkpoint-4": [TURN], f"{run.id}/checkpoint-8": [TURN]}
    finish(run, best_step=8)
    shown = words(chat_events.choose("", None, None, kept, Talk()))
    assert f"Tuned · {run.name} · step 8'" in shown and "Ahoy" in shown
    assert f"Tuned · {newer.name} ·" in words(chat_events.choose(newer.id, None, None, kept, Talk()))
    assert f"Tuned · {newer.name} ·" in words(chat_events.choose("", None, None, {"gone/best": [TURN]}, Talk()))


@pytest.mark.parametrize("wanted", [True, False], ids=["named in the address", "not named"])
def test_a_page_that_is_loaded_anew_during_a_run_goes_on_with_the_conversation_it_had(run: Run, wanted: bool):
    kept = {f"{run.id}/checkpoint-8": [TURN]}
    add_checkpoint(run, 16, 3.4)
    shown = chat_events.choose(run.id if wanted else "", None, None, kept, Talk())
    assert "step 8" in words(shown) and "Ahoy" in words(shown) and shown[-2] == gr.skip()


@pytest.mark.parametrize("best", [True, False], ids=["the best is shown then", "another is shown then"])
def test_what_was_refused_is_said_on_where_the_checkpoint_it_was_asked_of_has_gone(run: Run, best: bool):
    run_id, asked = run.id, "checkpoint-4"
    finish(run, **({"best_step": 8} if best else {}))
    status = -4 - len(chat_reply.controls(False, [])[:-2])  # and behind it the alert
    shown = chat_events.choose(run_id, run_id, asked, {}, Talk())
    assert shown[status : status + 2] == (gr.skip(), gr.skip())
    assert chat_events.choose("", None, None, {}, Talk())[status + 1] != gr.skip()


@pytest.mark.parametrize("opened", [True, False], ids=["loaded anew", "open meanwhile"])
def test_a_conversation_outlives_the_checkpoint_it_began_with(run: Run, opened: bool):
    kept = {f"{run.id}/checkpoint-8": [TURN]}
    (run.checkpoints / "checkpoint-8").rename(run.checkpoints / "checkpoint-24")
    at = (None, None) if opened else (run.id, "checkpoint-8")
    shown = chat_events.choose(run.id, *at, kept, Talk())
    assert "Ahoy" in words(shown) and "began with step 8, which is not kept any more" in words(shown)
    assert shown[-2] == {f"{run.id}/checkpoint-24": [TURN]}
    again = chat_events.choose(run.id, run.id, "checkpoint-24", shown[-2], Talk())
    assert "Ahoy" in words(again) and again[-2] == gr.skip()


def test_a_conversation_takes_no_other_one_s_place(run: Run):
    other = {**TURN, "user": "Another"}
    kept = {f"{run.id}/checkpoint-24": [other], f"{run.id}/checkpoint-8": [TURN]}
    (run.checkpoints / "checkpoint-8").rename(run.checkpoints / "checkpoint-24")
    shown = chat_events.choose(run.id, run.id, "checkpoint-8", kept, Talk())
    assert "Another" in words(shown) and shown[-2] == gr.skip()


def test_what_is_said_of_a_reply_stays_while_the_run_goes_on(run: Run):
    alert = 4 + 3 + 3 + 1  # its place among what is chosen, the questions and the panes
    assert chat_events.choose(run.id, run.id, "checkpoint-8", {}, Talk())[alert] == gr.skip()
    assert chat_events.choose(run.id, None, None, {}, Talk())[alert] == alerts.hidden()


def test_nothing_is_changed_while_a_reply_is_written(run: Run):
    talk = Talk(going=True)
    assert chat_events.choose(run.id, None, None, {}, talk) == gr.skip()
    assert chat_events.refresh(run.id, run.id, "checkpoint-8", {}, talk, "of another time") == gr.skip()


def test_a_run_that_was_deleted_meanwhile_is_said_and_the_conversation_stays(run: Run):
    kept = {f"{run.id}/checkpoint-8": [TURN]}
    deletion.delete(run)
    shown = words(chat_events.show_checkpoint(run.id, "checkpoint-8", kept, Talk()))
    assert "there is no such run" in shown and "Ahoy" in shown


def test_the_chat_s_settings_outlive_a_refresh_and_the_system_prompt_is_of_one_run_alone():
    kept = chat_events.remember("run-1", "Be brief.", 0.7, 128)
    assert chat_events.restored("run-1", kept) == ("Be brief.", 0.7, 128)
    assert chat_events.restored("run-2", kept) == (gr.skip(), 0.7, 128)
    assert chat_events.restored("run-1", {"system": 3}) == (gr.skip(),) * 3


def turns(visitor: Visitor) -> list[dict[str, Any]]:
    """The conversation as the browser keeps it."""
    return visitor.kept("chat").get(f"{visitor.world.run}/best", [])


def never(*_: Any, **__: Any) -> Iterator[Pair]:
    raise KeyError("a bug")
    yield


def halfway(*_: Any, **__: Any) -> Iterator[Pair]:
    yield Pair(Reply("Aye, I", 3), Reply("Aye", 2), True)
    raise KeyError("a bug")


def whole(*_: Any, **__: Any) -> Iterator[Pair]:
    yield Pair(Reply("Aye.", 2, 0.1, True, "stop"), Reply("A", 1, 0.1, True, "length"), True)


BOX = "Your message to both"


def test_a_question_that_nothing_answers_goes_back_into_its_box(visitor, monkeypatch):
    monkeypatch.setattr(Engine, "reply", never)
    before = turns(visitor)
    assert visitor.run("chat_events.send", {0: "Who are you?"})
    assert visitor.value(BOX) == "Who are you?" and turns(visitor) == before


def test_a_question_that_is_sent_before_the_page_knows_the_models_stays_in_its_box(visitor, monkeypatch):
    monkeypatch.setattr(Engine, "reply", never)
    visitor.fill("Tuned model (run)", None)
    visitor.fill("As it was at (checkpoint)", None)
    visitor.fill("Instructions to both", None)
    assert visitor.run("chat_events.send", {0: "Who are you?"}) == []
    assert visitor.value(BOX) == "Who are you?"


def test_what_was_written_before_a_reply_failed_stays_as_stopped(visitor, monkeypatch):
    monkeypatch.setattr(Engine, "reply", halfway)
    assert visitor.run("chat_events.send", {0: "Who are you?"})
    *_, last = turns(visitor)
    assert (last["user"], last["base"]["text"], last["tuned"]["text"]) == ("Who are you?", "Aye, I", "Aye")
    assert last["base"]["reason"] == last["tuned"]["reason"] == "cancelled"
    assert visitor.value(BOX) == ""


def test_a_retry_that_fails_leaves_the_replies_that_were_there(visitor, monkeypatch):
    monkeypatch.setattr(Engine, "reply", never)
    before = turns(visitor)
    assert visitor.run("chat_events.retry") and turns(visitor) == before
    assert not visitor.value(BOX)


def test_each_reply_says_why_it_ended(visitor, monkeypatch):
    monkeypatch.setattr(Engine, "reply", whole)
    assert visitor.run("chat_events.send", {0: "Who are you?"}) == []
    *_, last = turns(visitor)
    assert (last["base"]["reason"], last["tuned"]["reason"]) == ("stop", "length")


def test_chance_says_something_else_each_time(visitor, monkeypatch):
    """Where each question drew the same numbers, replies to different questions had their ends in common."""
    seeds: list[int] = []

    def drawn(*given: Any, seed: int, **named: Any) -> Iterator[Pair]:
        seeds.append(seed)
        yield from whole()

    monkeypatch.setattr(Engine, "reply", drawn)
    for event in ("send", "send", "retry", "clear", "send"):
        assert visitor.run(f"chat_events.{event}", {0: "Who are you?"} if event == "send" else {}) == []
    assert len(seeds) == len(set(seeds)) == 4


@pytest.mark.parametrize("event", ["send", "retry"])
def test_a_page_that_is_loaded_anew_while_a_reply_grows_finds_question_and_words(visitor, monkeypatch, event):
    """What the browser keeps is all that a page which is loaded anew has: so it is looked at after each update."""
    monkeypatch.setattr(chat_reply, "_KEPT_EVERY", 0.0)
    monkeypatch.setattr(Engine, "reply", replies)
    kept: list[list[dict[str, Any]]] = []
    question, given = ("Who are you?", {0: "Who are you?"}) if event == "send" else ("Hi", {})
    visitor.run(f"chat_events.{event}", given, lambda: kept.append(turns(visitor)))
    assert all(chat_turns.turns_of({"key": each}, "key")[-1]["user"] == question for each in kept)
    begun, *growing, _, _ = [each[-1]["tuned"] for each in kept]
    assert begun["text"] == ("" if event == "send" else REPLIES["tuned"])
    assert growing and all(reply["text"].startswith("Aye") and reply["reason"] == "cancelled" for reply in growing)


def test_a_question_that_a_side_never_answered_is_not_sent_to_it(visitor):
    unanswered = {"user": "Really?", "base": {"text": "Yes."}, "tuned": {"text": ""}}
    said = {side: chat_turns.history([unanswered], side, "", "Why?") for side in chat_turns.SIDES}
    assert [message.content for message in said["base"]] == ["Really?", "Yes.", "Why?"]
    assert [message.content for message in said["tuned"]] == ["Why?"]


WRONG = [("kl", "<b>"), ("base_is_base", "yes"), ("tuned", None), ("base", {"text": 1})]
WRONG += [("base", {"text": "Yes.", name: {"a": 1}}) for name in ("tokens", "seconds", "reason")]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda each: str(each))
def test_what_a_browser_kept_of_another_shape_is_left_out_and_the_rest_is_shown(name: str, value: Any):
    kept = {"run/best": [TURN, {**TURN, name: value}, TURN]}
    turns = chat_turns.turns_of(kept, "run/best")
    assert turns == [TURN, TURN]
    chat_reply.panes(turns)


def test_no_more_of_a_conversation_is_shown_than_a_browser_keeps_of_it():
    kept = {f"run{number}/best": [TURN] * 100_000 for number in range(20)}
    assert len(chat_turns.turns_of(kept, "run0/best")) == chat_turns.KEPT_TURNS
    assert chat_turns.last_kept({**kept, "gone/best": []}) == ("run19", "best")
