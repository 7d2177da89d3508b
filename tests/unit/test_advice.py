"""The advice after a run: each finding from the curves that support it, and never two that contradict each other."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from model_sizes import LLAMA_7B, LLAMA_65B, model_folder
from synthetic_runs import Line, events_of, write

from ft.config import DEFAULT_MODEL, TrainConfig
from ft.models import facts
from ft.models.learning_rate import lora_rule
from ft.runs.advice import FEW_STEPS, Finding, advise, margin
from ft.runs.curves import Curves
from ft.runs.status import summary

CONFIG = TrainConfig(learning_rate=1e-3)


def falling(begun: float, end: float, rate: float) -> Line:
    return lambda epoch: end + (begun - end) * math.exp(-rate * epoch)


def rising_again(after: float, slope: float) -> Line:
    return lambda epoch: falling(4.5, 2.6, 5)(epoch) + slope * max(0.0, epoch - after)


def advice(events: list[dict[str, Any]], config: TrainConfig = CONFIG) -> tuple[Finding, ...]:
    return advise(Curves.of(events), config, {"status": events[-1]["kind"]})


def codes(events: list[dict[str, Any]], config: TrainConfig = CONFIG) -> list[str]:
    return [each.code for each in advice(events, config)]


def change(events: list[dict[str, Any]], config: TrainConfig = CONFIG) -> dict[str, Any]:
    found = advice(events, config)[0].change
    assert found is not None
    config.with_settings(found.settings)  # it can be set
    return found.settings


OVER = events_of(falling(4.5, 0.6, 1.2), rising_again(1.0, 0.4))
UNDER = events_of(falling(4.5, 2, 0.3), falling(4.5, 2.2, 0.3))
GOOD = events_of(falling(4.5, 2.2, 3), falling(4.5, 2.4, 3), noise=0.1)
STILL = events_of(lambda _: 4.5, lambda _: 4.5, noise=0.02)
JUMPED = events_of(lambda epoch: 4.5 - 2 * epoch if epoch < 1 else 5.0, falling(4.5, 4, 1), noise=0.1)
LITTLE = events_of(falling(4.5, 0.4, 3), falling(4.5, 2.9, 3), conversations=(40, 400))


def test_where_validation_rose_while_training_fell_it_is_to_end_where_it_was_best():
    (found,) = advice(OVER)
    assert found.code == "over-fitting" and change(OVER) == {"epochs": 1.0}
    assert "after step 40 (epoch 1.0), from 2.61 to 3.40" in found.text


def test_where_validation_rose_within_the_first_epoch_the_rate_is_halved():
    early = events_of(falling(4.5, 0.6, 1.2), rising_again(0.3, 1))
    assert codes(early) == ["over-fitting"] and change(early) == {"learning_rate": 5e-4}


def test_where_validation_only_rose_it_says_from_the_very_start():
    worse = events_of(falling(4.5, 0.6, 1.2), lambda epoch: 3 + epoch)
    assert "after the very start" in advice(worse)[0].text and change(worse) == {"learning_rate": 5e-4}


def test_a_run_with_a_number_of_steps_is_to_take_fewer_or_more_of_them():
    limited = CONFIG.with_settings({"max_steps": 120})
    assert change(OVER, limited) == {"max_steps": 40} and change(UNDER, limited) == {"max_steps": 240}


def test_where_validation_was_still_falling_at_the_end_there_are_to_be_more_epochs():
    assert codes(UNDER) == ["under-training"] and change(UNDER) == {"epochs": 4.5}
    assert change(UNDER, CONFIG.with_settings({"epochs": 1})) == {"epochs": 2}


def test_a_run_that_a_person_stopped_is_not_called_too_short():
    stopped = events_of(falling(4.5, 2, 0.3), falling(4.5, 2.2, 0.3), last=60, end="stopped")
    assert codes(stopped) == []


def test_where_nothing_moved_the_rate_is_to_be_three_times_as_high():
    assert codes(STILL) == ["barely-moved"] and change(STILL) == {"learning_rate": 3e-3}
    alone = events_of(lambda _: 4.5, None, noise=0.02)
    assert change(alone) == {"learning_rate": 3e-3} and "Training loss" in advice(alone)[0].text
    (high,) = advice(STILL, CONFIG.with_settings({"learning_rate": 0.01}))
    assert high.change is None and "high already" in high.text


@pytest.mark.parametrize("end", ["finished", "stopped"])
def test_where_the_loss_jumped_and_stayed_up_the_rate_is_to_be_a_third(end):
    events = [*JUMPED[:-1], {**JUMPED[-1], "kind": end}]
    assert codes(events) == ["diverged"] and change(events) == {"learning_rate": 3.3e-4}


def test_where_the_loss_was_no_number_any_more_the_rate_is_to_be_a_third():
    said = {"given": "step 31", "why": "the training loss became nan: the model diverged.", "todo": "Lower it."}
    events = events_of(falling(4.5, 2, 1), None, last=30, end="failed", **said)
    assert codes(events) == ["diverged"] and change(events) == {"learning_rate": 3.3e-4}
    assert "step 31" in advice(events)[0].text


@pytest.mark.parametrize("size", [None, LLAMA_7B, LLAMA_65B, {**LLAMA_7B, "model_type": "mistral"}])
@pytest.mark.parametrize("variant", ["lora", "rslora"])
@pytest.mark.parametrize("begun", [1.0, 0.33, 0.02])
@pytest.mark.parametrize("ended", ["failed", "finished"])
def test_after_a_rate_far_too_high_the_next_one_is_no_higher_than_the_rule_gives(
    home, tmp_path, size, variant, begun, ended
):
    """A third of it, and a third of that, would diverge as well."""
    model = str(model_folder(tmp_path, size)) if size else DEFAULT_MODEL
    config = CONFIG.with_settings({"model": model, "learning_rate": begun, "lora_variant": variant})
    said = {"given": "step 3", "why": "the training loss became nan: the model diverged.", "todo": ""}
    events = events_of(falling(4.5, 2, 1), None, last=3, end="failed", **said) if ended == "failed" else JUMPED
    known = facts.of(model)
    assert known is not None
    assert change(events, config)["learning_rate"] == pytest.approx(lora_rule(known) or 5e-4, rel=0.05)
    near = config.with_settings({"learning_rate": 3e-4})
    assert change(events, near) == {"learning_rate": 1e-4}


def test_where_nothing_moved_at_a_rate_far_too_low_the_next_one_is_what_the_rule_gives(home):
    slow = CONFIG.with_settings({"learning_rate": 1e-6})
    assert change(STILL, slow) == {"learning_rate": 1.3e-3}


@pytest.mark.parametrize(
    "why",
    [
        "the training loss became inf",
        "the training loss rose to 14.2: guessing at random among 49,152 tokens costs less",
        "the gradient has been 0 for 5 steps, so nothing is learnt any more",
    ],
)
def test_advice_on_a_run_that_diverged_says_what_went_wrong_in_it_and_nothing_else(why: str):
    said = {
        "given": "step 31",
        "why": f"{why}: the model diverged. The step was taken on: a.json, record 3.",
        "todo": "",
    }
    (found, *_) = advice(events_of(falling(4.5, 2, 1), None, last=30, end="failed", **said))
    assert found.code == "diverged" and f"step 31 {why}" in found.text
    assert "record 3" not in found.text and "no longer a number" not in found.text


def test_a_run_that_failed_for_another_reason_gets_no_advice_on_its_settings():
    assert codes(events_of(falling(4.5, 2, 1), None, last=30, end="failed", given="x", why="disk full", todo="")) == []


def test_where_few_conversations_were_learnt_by_heart_from_early_on_fewer_layers_are_to_learn():
    assert codes(LITTLE) == ["too-little-data"]
    assert change(LITTLE) == {"trained_layers": 8, "lora_rank": 8, "lora_alpha": 16, "lora_dropout": 0.1}
    (small,) = advice(LITTLE, CONFIG.with_settings({"trained_layers": 4, "lora_rank": 4}))
    assert small.change is None and "40 conversations" in small.text


def test_held_out_conversations_that_were_harder_from_the_beginning_are_no_sign_of_little_data():
    assert codes(events_of(falling(3.5, 2, 3), falling(4.5, 3, 3), conversations=(40, 400))) == []


def test_few_held_out_conversations_are_said_with_the_difference_that_they_cannot_tell():
    (found,) = advice(events_of(falling(4.5, 2.2, 3), falling(4.5, 2.4, 3), conversations=(54, 6)))
    assert found.code == "few-held-out" and found.change is None and f"under {margin(6):.2f}" in found.text


def test_a_rise_that_so_few_held_out_conversations_cannot_tell_is_not_acted_on():
    slight = falling(4.5, 0.6, 1.2), rising_again(1.0, 0.04)
    assert codes(events_of(*slight)) == ["over-fitting"]
    assert codes(events_of(*slight, conversations=(1000, 4))) == ["few-held-out"]


@pytest.mark.parametrize("training", [falling(4.5, 2.2, 3), lambda _: 4.5, falling(4.5, 0.4, 3)])
@pytest.mark.parametrize("end", ["finished", "stopped"])
def test_where_nothing_was_held_out_the_advice_says_so(training, end):
    found = advice(events_of(training, None, conversations=(40, 0), end=end))
    assert "none-held-out" in [each.code for each in found]
    assert "cannot say whether the model got better" in found[-1].text and found[-1].change is None


@pytest.mark.parametrize("events", [GOOD, OVER[:-1], events_of(falling(4.5, 2, 3), None), OVER[:3]])
def test_nothing_is_said_where_there_is_nothing_to_say(events):
    assert codes(events) == []


def test_a_trial_of_a_few_steps_says_nothing_about_its_settings():
    assert codes(events_of(lambda _: 4.5, lambda _: 4.5, steps=FEW_STEPS - 1, every=1)) == []


LINES = [lambda _: 4.5, falling(4.5, 0.5, 0.3), falling(4.5, 0.5, 5), falling(2.6, 2.5, 1), lambda epoch: 3 + epoch]
HELD_OUT_LINES = [*LINES, rising_again(0.3, 1), rising_again(1.5, 0.2), lambda epoch: 3 + math.sin(5 * epoch), None]


def lowers(config: TrainConfig, settings: dict[str, Any]) -> bool:
    name, value = next(iter(settings.items()))
    return name == "trained_layers" or value < getattr(config, name)


@pytest.mark.parametrize("conversations", [(30, 3), (1000, 400)])
@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("settings", [{}, {"max_steps": 60}, {"epochs": 1}])
def test_no_two_findings_contradict_each_other(conversations, noise, settings):
    config = CONFIG.with_settings(settings)
    found_any = set()
    for training, validation in itertools.product(LINES, HELD_OUT_LINES):
        events = events_of(training, validation, conversations=conversations, noise=noise, steps=60, every=5)
        changes = [found.change.settings for found in advice(events, config) if found.change]
        assert len({lowers(config, each) for each in changes}) <= 1
        names = [name for each in changes for name in each]
        assert len(names) == len(set(names))
        for each in changes:
            assert config.with_settings(each) != config
        found_any |= set(codes(events, config))
    assert len(found_any) >= 3


def test_the_summary_of_a_run_on_disk_carries_its_advice_and_one_that_is_going_has_none(home: Path):
    ended, going = write(home, "over", OVER), write(home, "going", OVER[:-1], hour=1)
    (found,) = summary(ended)["advice"]
    assert (found["code"], found["settings"]) == ("over-fitting", {"epochs": 1.0})
    assert found["change"] == "epochs 1 instead of 3"
    assert summary(going)["advice"] == []
    json.dumps(summary(ended))
