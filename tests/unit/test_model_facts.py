"""What is known of a model without its weights, and what it says of a learning rate or a rank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from model_sizes import LLAMA_7B, LLAMA_13B, LLAMA_33B, LLAMA_65B, QWEN3_8B, known, model_folder

from ft.config import DEFAULT_MODEL
from ft.errors import UserError
from ft.models import facts
from ft.models.learning_rate import learning_rate_hint, pretraining_peak, rank_hint, rate
from ft.presets import PRESETS, configure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return model_folder(tmp_path, LLAMA_65B)


def test_every_preset_says_where_its_numbers_come_from_and_stands_where_nothing_is_known():
    for each in PRESETS:
        assert each.source and each.about
        assert each.for_model(None) == each.config


@pytest.mark.parametrize(("size", "billions"), [(LLAMA_7B, 6.7), (LLAMA_13B, 13.0), (LLAMA_65B, 65.2), (QWEN3_8B, 8.2)])
def test_the_number_of_parameters_is_estimated_within_two_percent(size, billions):
    assert known(size).parameters / 1e9 == pytest.approx(billions, rel=0.02)


def test_the_default_model_is_known_before_it_is_fetched(home):
    found = facts.of(DEFAULT_MODEL)
    assert found is not None
    assert (found.family, found.hidden_size, found.layers) == ("llama", 576, 30)
    assert found.parameters / 1e6 == pytest.approx(134.5, rel=0.01)
    assert found.lora_parameters == 4_884_480 / 16  # as PEFT counts an adapter of rank 16 on it


def test_a_model_in_a_folder_is_known_by_its_config_alone(folder):
    assert facts.of(str(folder)) == known(LLAMA_65B)


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}


@pytest.mark.parametrize(
    ("says", "positions"),
    [
        ({}, 0),
        ({"max_position_embeddings": 2048}, 2048),
        ({"n_positions": 1024}, 1024),
        ({"max_position_embeddings": 40960, "rope_scaling": YARN}, 131072),
        ({"max_position_embeddings": 131072, "rope_parameters": {**YARN, "rope_type": "llama3", "factor": 8}}, 262144),
        ({"max_position_embeddings": 4096, "rope_scaling": {"type": "linear", "factor": 2}}, 8192),
        ({"max_position_embeddings": 4096, "rope_scaling": {"type": "linear", "factor": "2"}}, 4096),
        ({"max_position_embeddings": -1}, 0),
    ],
)
def test_how_much_a_model_reads_is_known_by_its_positions(says, positions):
    assert known({**LLAMA_7B, **says}).positions == positions


def test_a_maximum_length_beyond_what_the_model_reads_is_refused_and_presets_stay_below_it(home, tmp_path):
    model = str(model_folder(tmp_path, {**LLAMA_7B, "max_position_embeddings": 300}))
    for each in PRESETS:
        assert configure(each.name, {"model": model}).max_length == 300
    with pytest.raises(UserError) as refused:
        configure("cpu", {"model": model, "max_length": 301})
    assert refused.value.given == "max_length = 301" and "at most 300 tokens" in refused.value.why
    assert configure("cpu", {"model": model, "max_length": 200}).max_length == 200
    assert configure("guanaco", {"model": str(tmp_path / "model"), "max_length": 300}).max_length == 300


def test_a_maximum_length_beyond_what_the_default_model_reads_is_refused_before_it_is_fetched(home):
    with pytest.raises(UserError, match="8,192"):
        configure("cpu", {"max_length": 8193})


def test_the_text_part_of_a_model_that_also_sees_is_what_counts():
    found = known({"model_type": "gemma3", "text_config": {**LLAMA_7B, "model_type": "gemma3_text"}})
    assert (found.family, found.hidden_size) == ("gemma3_text", 4096)


@pytest.mark.parametrize(
    "config", [None, [], {}, {"hidden_size": "big"}, {"hidden_size": 10**30, "num_hidden_layers": 2}, {"d_model": 64}]
)
def test_nothing_is_claimed_of_a_model_that_its_config_does_not_describe(config):
    assert facts.from_config(config) is None


@pytest.mark.parametrize("model", ["no such model", "", "/nowhere"])
def test_nothing_is_known_of_a_model_that_is_not_there(home, model):
    assert facts.of(model) is None


def test_a_model_of_the_hub_is_known_from_its_cache_and_unknown_where_neither_answers(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert facts.of("owner/llama") is None
    snapshot = tmp_path / "models--owner--llama" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(LLAMA_7B))
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    assert facts.of("owner/llama") == known(LLAMA_7B)


def test_a_rate_three_times_off_is_told_with_the_rule_and_the_pretraining_peak(home):
    small = facts.of(DEFAULT_MODEL)
    assert small is not None
    said = learning_rate_hint(small, 2e-4)
    assert "hidden size of 576" in said and "1.3e-3" in said and "2e-4, 6.6 times lower" in said and "3e-3" in said
    assert "times higher" in learning_rate_hint(known(LLAMA_7B), 1e-3)
    assert learning_rate_hint(small, 2e-4, "rslora") == ""  # the rule was fitted to alpha / rank


def test_a_rate_near_the_rule_needs_no_word(home):
    small = facts.of(DEFAULT_MODEL)
    assert small is not None
    for chosen in (1e-3, 5e-4, 3.9e-3):
        assert learning_rate_hint(small, chosen) == ""


def test_pretraining_peaks_are_those_of_the_models_named_as_their_source(home):
    assert pretraining_peak(known(LLAMA_7B)) == pretraining_peak(known(LLAMA_13B)) == 3e-4
    assert pretraining_peak(known(LLAMA_33B)) == pretraining_peak(known(LLAMA_65B)) == 1.5e-4
    small = facts.of(DEFAULT_MODEL)
    assert small is not None and pretraining_peak(small) == 3e-3


def test_data_that_an_adapter_cannot_hold_is_told_with_a_rank_that_can(home):
    small = facts.of(DEFAULT_MODEL)
    assert small is not None
    assert rank_hint(small, 16, "all", 4_000_000) == ""
    assert "a rank of 64 holds them" in rank_hint(small, 16, "all", 10_000_000)
    assert rank_hint(small, 16, 8, 4_000_000) != ""


@pytest.mark.parametrize(("value", "text"), [(2e-4, "2e-4"), (0.00132, "1.3e-3"), (1.0, "1e0")])
def test_a_rate_is_written_as_people_write_it(value, text):
    assert rate(value) == text
