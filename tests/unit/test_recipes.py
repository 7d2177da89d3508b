"""The presets hold the numbers of their sources, and fit themselves to a model."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from model_sizes import LLAMA_7B, LLAMA_13B, LLAMA_33B, LLAMA_65B, QWEN3_8B, known, model_folder

from ft import presets
from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models import facts
from ft.models.learning_rate import learning_rate_hint, lora_rule
from ft.presets import PRESETS, preset
from ft.ui import api, train_form, train_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return model_folder(tmp_path, LLAMA_65B)


def test_guanaco_is_the_qlora_paper_s_recipe():
    config = preset("guanaco").config
    paper = {
        "method": "qlora",
        "trained_layers": "all",
        "lora_rank": 64,
        "lora_alpha": 16,
        "lora_variant": "lora",
        "schedule": "constant",
        "warmup_ratio": 0.03,
        "weight_decay": 0.0,
        "adam_beta2": 0.999,
        "max_grad_norm": 0.3,
        "max_steps": 1875,
        "max_length": 512,
    }
    assert {name: getattr(config, name) for name in paper} == paper
    assert config.batch_size * config.gradient_accumulation == 16
    assert "2305.14314" in preset("guanaco").source


@pytest.mark.parametrize(
    ("size", "learning_rate", "dropout"),
    [(LLAMA_7B, 2e-4, 0.1), (LLAMA_13B, 2e-4, 0.1), (LLAMA_33B, 1e-4, 0.05), (LLAMA_65B, 1e-4, 0.05)],
    ids=["7B", "13B", "33B", "65B"],
)
def test_guanaco_takes_the_paper_s_rate_and_dropout_for_each_size(size, learning_rate, dropout):
    config = preset("guanaco").for_model(known(size))
    assert (config.learning_rate, config.lora_dropout) == (learning_rate, dropout)


def test_lora_without_regret_trains_all_layers_with_alpha_32_no_decay_and_small_batches():
    config = preset("lora-without-regret").config
    assert (config.trained_layers, config.lora_alpha, config.lora_variant) == ("all", 32, "lora")
    assert (config.schedule, config.warmup_ratio, config.weight_decay) == ("constant", 0.0, 0.0)
    assert config.batch_size * config.gradient_accumulation < 32


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (LLAMA_7B, 5e-5 * 10 * (2000 / 4096) ** 0.781),
        (LLAMA_65B, 5e-5 * 10 * (2000 / 8192) ** 0.781),
        (QWEN3_8B, 5e-5 * 10 * (2000 / 4096) ** 0.0775),
    ],
    ids=["Llama 7B", "Llama 65B", "Qwen3 8B"],
)
@pytest.mark.parametrize("name", ["lora-without-regret", "quick-look", "small-data"])
def test_the_learning_rate_follows_the_rule_of_lora_without_regret(name, size, expected):
    assert preset(name).for_model(known(size)).learning_rate == pytest.approx(expected, rel=0.01)


def test_a_family_that_the_rule_was_not_fitted_to_gets_the_rule_s_middle_and_no_hint():
    other = known({**LLAMA_7B, "model_type": "mistral"})
    assert lora_rule(other) is None
    assert preset("lora-without-regret").for_model(other).learning_rate == 5e-4
    assert learning_rate_hint(other, 1.0) == ""


def test_small_data_trains_a_few_layers_of_any_model_at_a_low_rank_and_stops_early():
    recipe = preset("small-data")
    assert recipe.for_model(known(LLAMA_7B)).trained_layers == 8
    assert recipe.for_model(known({**LLAMA_7B, "num_hidden_layers": 2})).trained_layers == 1
    assert recipe.config.lora_rank <= 8 and 0 < recipe.config.early_stopping_patience <= 2


def test_a_quick_look_is_twenty_steps():
    assert preset("quick-look").config.max_steps == 20


@pytest.mark.parametrize("each", PRESETS, ids=lambda each: each.name)
def test_no_preset_is_far_off_on_a_model_that_it_is_for(home, each):
    sizes = [facts.of(DEFAULT_MODEL)] if each.name == "cpu" else [known(LLAMA_7B), known(LLAMA_65B), known(QWEN3_8B)]
    for size in sizes:
        assert size is not None
        assert learning_rate_hint(size, each.for_model(size).learning_rate) == ""


@pytest.mark.parametrize("name", [each.name for each in PRESETS])
def test_the_page_the_command_line_and_the_api_start_the_same_config(home, folder, monkeypatch, name):
    from ft.cli.arguments import parser
    from ft.cli.runs import config_of

    model = str(folder)
    _, *shown = train_form.filled(name, model)
    page = train_form.config_of(model, name, tuple(shown))
    line = config_of(parser().parse_args(["train", "mine", "--preset", name, "--model", model]))
    seen = []
    monkeypatch.setattr(api.versions, "find", lambda _: None)
    monkeypatch.setattr(api.directory, "create", lambda _, config, name: seen.append(config) or _stop())
    with pytest.raises(StopIteration):
        api.train("mine", {"model": model}, name)
    assert page == line == seen[0] == preset(name).for_model(known(LLAMA_65B)).with_settings({"model": model})


def _stop() -> None:
    raise StopIteration


def test_a_setting_goes_over_what_a_preset_fits_to_the_model(folder):
    config = presets.configure("guanaco", {"model": str(folder), "lora_dropout": 0.2})
    assert (config.learning_rate, config.lora_dropout) == (1e-4, 0.2)


def test_another_model_fits_the_form_anew_but_keeps_what_was_changed_by_hand(home, folder):
    _, *shown = train_form.filled("guanaco", DEFAULT_MODEL)
    names = [setting.name for setting in train_settings.SETTINGS]
    shown[names.index("lora_dropout")] = 0.3
    about, *after = train_form.fitted({"model": DEFAULT_MODEL}, str(folder), "guanaco", *shown)
    given = dict(zip(names, after, strict=True))
    assert given["learning_rate"] == 1e-4
    # What does not change is not sent, so that what is typed before the answer comes stays.
    assert all(value == gr.skip() for name, value in given.items() if name not in ("learning_rate",))
    assert "learning rate 1e-4" in about
    _, *first = train_form.fitted({}, str(folder), "guanaco", *shown)
    assert first == after


def test_more_layers_than_the_model_has_are_refused_before_a_run_is_made(folder):
    with pytest.raises(UserError, match="80 layers"):
        presets.configure("cpu", {"model": str(folder), "trained_layers": 81})
    assert presets.configure("cpu", {"model": str(folder), "trained_layers": 80}).trained_layers == 80


def test_nobody_waits_for_the_hub_where_a_form_is_only_read(monkeypatch):
    monkeypatch.setattr(facts.hub, "reachable", lambda: pytest.fail("the Hub was asked"))
    _, *shown = train_form.filled("cpu", DEFAULT_MODEL)
    assert train_form.config_of("owner/not-in-any-cache", "cpu", tuple(shown)).learning_rate == 1e-3
    assert (
        train_form.restored(train_form.remember("owner/not-in-any-cache", "cpu", *shown))[0] == "owner/not-in-any-cache"
    )
