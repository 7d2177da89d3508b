"""What the Train, Runs and Chat tabs say about runs, settings and replies."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import gradio as gr
import pytest

from ft.chat.pair import Pair, Reply
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.figures import duration
from ft.models import device, facts
from ft.models.device import Device
from ft.presets import PRESETS, preset
from ft.runs.directory import RunConfig
from ft.runs.status import Status
from ft.train.data import Counts
from ft.train.preflight import Preflight
from ft.train.remarks import remarks
from ft.ui import chat_turns, run_words, train_form, train_plan, train_settings
from ft.ui.background import follow


def told(text: str, tokens: int, reason: str = "stop") -> Reply:
    return Reply(text, tokens, 1.5, bool(reason), reason)


def turn(prompt: str, base: str, tuned: str) -> chat_turns.Turn:
    return chat_turns.new_turn(prompt, Pair(told(base, 2), told(tuned, 3), True, 0.25))


def test_every_setting_of_a_run_has_a_control_or_a_place_of_its_own():
    elsewhere = {"model"}  # the form's own drop-down
    assert {setting.name for setting in train_settings.SETTINGS} | elsewhere == set(TrainConfig.model_fields)


@pytest.mark.parametrize("name", [each.name for each in PRESETS])
def test_the_controls_give_back_the_preset_that_they_show(name):
    config = preset(name).config
    shown = train_settings.values(config)
    assert TrainConfig().with_settings(train_settings.settings(shown)) == config.with_settings({})


def test_gpus_are_offered_where_there_are_several_and_come_back_as_they_were_chosen(monkeypatch):
    two = [Device("cuda", "A GPU", 2**34, 2**33, str(number)) for number in (0, 1)]
    place = [setting.name for setting in train_settings.SETTINGS].index("gpus")
    for there, offered in (((), False), (two[:1], False), (two, True)):
        monkeypatch.setattr(device, "gpus", lambda there=there: tuple(there))
        with gr.Blocks():
            control = train_settings.build(TrainConfig(gpus="0,1" if offered else ""))[place]
        assert control.visible is offered and len(control.choices) == len(there)
    assert control.value == ["0", "1"] and control.choices[1][0] == "GPU 1 · A GPU, 16.0 GB"
    shown = train_settings.values(TrainConfig(gpus="0,1"))
    assert train_settings.settings(shown)["gpus"] == "0,1"
    assert train_settings.settings(train_settings.values(TrainConfig()))["gpus"] == ""
    assert train_settings.settings(train_settings.values(TrainConfig(gpus="1,7")))["gpus"] == "1"  # 7 is gone


def test_a_layer_count_that_is_typed_is_a_number():
    shown = train_settings.values(TrainConfig(trained_layers=4))
    assert TrainConfig().with_settings(train_settings.settings(shown)).trained_layers == 4


def test_a_refresh_finds_the_form_as_it_was_left():
    shown = train_settings.values(preset("small-data").config.with_settings({"learning_rate": 3e-4}))
    model, name, about, *settings = train_form.restored(train_form.remember("/my/model", "small-data", *shown))
    assert (model, name, settings) == ("/my/model", "small-data", shown)
    assert about == train_form.about_preset("small-data", "/my/model")


@pytest.mark.parametrize("kept", [{}, None, "x", {"model": "m", "preset": "gone", "settings": {}}])
def test_a_damaged_memory_leaves_the_form_as_it_is(kept):
    assert set(map(repr, train_form.restored(kept))) == {repr(gr.skip())}


def test_the_plan_names_what_was_changed_from_the_preset_and_what_is_too_long():
    recipe = preset("cpu")
    found = Preflight(90, 90, 10, 1000, 250, 900, 3, 0, 68, 12, 100, [], ["Three were cut."])
    text = train_plan.plan(found, recipe.config.with_settings({"lora_rank": 8}), recipe)
    assert "90 conversations" in text and "10 held out" in text and "250 (25%)" in text and "68 steps" in text
    assert "3 over the limit of 512" in text and "Three were cut." in text
    assert "LoRA rank 8" in text and "learning rate" not in text


def test_the_plan_says_that_a_learning_rate_is_far_from_what_suits_the_model_and_only_then(home):
    recipe, known = preset("cpu"), facts.of(DEFAULT_MODEL)
    some = Counts(used=90, samples=90, trained_tokens=250)
    assert remarks(recipe.for_model(known), some, some, known) == []
    slow = recipe.for_model(known).with_settings({"learning_rate": 1e-5})
    (said,) = remarks(slow, some, some, known)
    assert "times lower" in said
    assert "times lower" in train_plan.plan(
        Preflight(90, 90, 10, 1000, 250, 300, 0, 0, 68, 12, 100, [], [said]), slow, recipe, known
    )
    assert remarks(slow, some, some, None) == []


def test_each_side_remembers_its_own_replies():
    turns = [turn("Hello", "Hi, I am base", "Ahoy")]
    base, tuned = (chat_turns.history(turns, side, "Be kind", "And now?") for side in ("base", "tuned"))
    assert [message.content for message in base] == ["Be kind", "Hello", "Hi, I am base", "And now?"]
    assert [message.content for message in tuned] == ["Be kind", "Hello", "Ahoy", "And now?"]


def test_nothing_typed_or_generated_reaches_a_pane_as_html():
    turns = [turn("<script>a</script>", "<img src=x>", "a < b & c")]
    for side in ("base", "tuned"):
        words = [part["text"] for message in chat_turns.shown(turns, side) for part in message["content"]]
        assert not any("<" in text for text in words)
    assert chat_turns.shown(turns, "tuned")[1]["content"][0]["text"] == "a &lt; b &amp; c"


def test_a_reply_that_did_not_end_by_itself_says_why():
    assert chat_turns.footnote({"tokens": 1, "seconds": 0.51, "reason": "stop"}) == "1 token · 0.5 s"
    assert "cut" in chat_turns.footnote({"tokens": 9, "seconds": 1, "reason": "length"})
    half = chat_turns.stopped(chat_turns.new_turn("x", Pair(told("a", 4, ""), told("b", 2), True)))
    assert "stopped" in chat_turns.footnote(half["base"]) and "stopped" not in chat_turns.footnote(half["tuned"])


def test_the_proof_says_so_when_the_base_pane_is_not_the_base():
    good = turn("a", "b", "c")
    assert "KL 0.25" in chat_turns.proof([good])
    assert "could not be confirmed" in chat_turns.proof([{**good, "base_is_base": False}])
    assert chat_turns.proof([]) == ""


def test_a_later_turn_keeps_the_last_known_difference_and_says_so():
    later = {**turn("a", "b", "c"), "kl": None}
    assert "when both were last asked the same thing: KL 0.25" in chat_turns.proof([turn("a", "b", "c"), later])


def test_conversations_are_kept_apart_by_checkpoint_and_forgotten_one_at_a_time():
    first, second = [turn("a", "b", "c")], [turn("d", "e", "f")]
    kept = chat_turns.keep(chat_turns.keep({}, "run/best", first), "run/checkpoint-4", second)
    assert chat_turns.turns_of(kept, "run/best") == first and chat_turns.turns_of(kept, "run/checkpoint-4") == second
    assert chat_turns.turns_of(chat_turns.keep(kept, "run/best", []), "run/best") == []


def test_what_a_browser_kept_is_bounded_and_of_the_right_shape():
    kept: dict = {}
    for number in range(20):
        kept = chat_turns.keep(kept, f"run{number}/best", [turn("a", "b", "c")] * 100)
    assert len(kept) == chat_turns.KEPT_CONVERSATIONS and len(kept["run19/best"]) == chat_turns.KEPT_TURNS
    assert chat_turns.keep({"__type__": "update", "a": kept["run19/best"]}, "b", []) == {"a": kept["run19/best"]}
    assert chat_turns.turns_of({"k": ["x", {"user": 1}, {"user": "a"}]}, "k") == []
    assert chat_turns.turns_of("nonsense", "k") == []


def summary(before: float, after: float, status: str = "finished") -> dict:
    losses = {"validation_loss_before": before, "validation_loss_after": after}
    return {"status": status, **losses, "best_step": 20, "step": 40}


def test_the_outcome_is_said_in_plain_words():
    better = run_words.outcome(summary(3.0, 2.0), [])
    assert "3.00 → 2.00" in better and f"{math.e:.1f} times" in better and "best at step 20 of 40" in better
    assert "2.60 → 0.0042" in run_words.outcome(summary(2.6, 0.0042), [])
    assert "got worse" in run_words.outcome(summary(2.0, 2.5), [])
    assert "no difference" in run_words.outcome(summary(2.0, 2.0), [])
    assert run_words.outcome(summary(3.0, 2.0, "running"), []) == ""


def test_a_run_s_head_escapes_what_others_wrote_and_measures_its_progress():
    config = RunConfig(id="r1", created="2026-01-01T00:00:00+00:00", dataset="d", version="v1", train=TrainConfig())
    now = Status("running", 5, 20, 125.0, "Training")
    html = run_words.state_html("a name", config, "<b>model</b>", now, [])
    assert "<b>model" not in html and 'aria-valuenow="5"' in html and 'style="width:25.0%"' in html
    assert "step 5 of 20 · about 2 min left" in html
    failed = [{"kind": "failed", "given": "<i>", "why": "too big", "todo": "Halve it"}]
    html = run_words.state_html("a name", config, "m", Status("failed", 5, 20, None, ""), failed)
    assert 'role="alert"' in html and "<i>" not in html and "Halve it" in html


def test_a_run_that_has_ended_shows_the_validation_loss_of_what_was_kept():
    config = RunConfig(id="r1", created="2026-01-01T00:00:00+00:00", dataset="d", version="v1", train=TrainConfig())
    going = [{"kind": "validation", "step": step, "loss": loss} for step, loss in ((0, 2.6), (12, 0.004), (20, 0.136))]
    assert "<dd>0.136</dd>" in run_words.state_html("a name", config, "m", Status("running", 20, 20, None, ""), going)
    for best, shown in ((12, "<dd>0.004 at step 12</dd>"), (20, "<dd>0.136</dd>")):
        ended = [*going, {"kind": "finished", "step": 20, "best_step": best}]
        assert shown in run_words.state_html("a name", config, "m", Status("finished", 20, 20, None, ""), ended)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (89, "89 s"), (150, "2 min"), (3600, "60 min"), (7500, "2 h 5 min")]
)
def test_durations_are_as_coarse_as_a_person_wants_them(seconds, words):
    assert duration(seconds) == words


def test_followed_work_passes_on_what_it_says_yields_and_raises():
    def work(say) -> Iterator[int]:
        say("begun")
        yield 1
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"):
        for each in follow(work):
            seen.append(each)
    assert 1 in seen


def test_work_whose_follower_leaves_is_closed():
    closed = threading.Event()

    def work(_) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    news = follow(work)
    assert next(news) in (1, None)
    news.close()
    assert closed.wait(30)
