"""The settings of a run: what is refused, and what an earlier version wrote."""

from __future__ import annotations

import pytest

from ft.config import TrainConfig
from ft.errors import UserError
from ft.runs.directory import RunConfig


def test_a_run_of_the_first_version_still_reads_as_what_it_did():
    old = (
        '{"id": "r", "created": "2026-11-24T00:00:00Z", "dataset": "d", "version": "v1", "train": {"model": "m", '
        '"method": "qlora", "trained_layers": 4, "lora_rank": 8, "lora_alpha": 16, "lora_dropout": 0.1, '
        '"learning_rate": 0.0005, "schedule": "cosine", "warmup_ratio": 0.03, "weight_decay": 0.01, "epochs": 5.0, '
        '"max_steps": 0, "batch_size": 4, "gradient_accumulation": 1, "max_length": 512, "overlong": "cut", '
        '"validation_fraction": 0.1, "eval_steps": 0, "save_steps": 0, "early_stopping_patience": 2, "seed": 42}}'
    )
    train = RunConfig.model_validate_json(old).train
    assert (train.neftune_noise_alpha, train.label_smoothing) == (0, 0)
    assert (train.adam_beta2, train.max_grad_norm) == (0.999, 0.3)
    assert (train.lora_variant, train.lora_init) == ("lora", "default")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"trained_layers": 0}, "at least 1"),
        ({"trained_layers": "-1"}, "at least 1"),
        ({"trained_layers": "some"}, "not a whole number"),
        ({"warmup_ratio": 1.5}, "at most 1"),
        ({"learning_rate": "fast"}, "not a number"),
        ({"learning_rate": 0}, "more than 0"),
        ({"adam_beta2": 1}, "less than 1"),
        ({"label_smoothing": -0.1}, "at least 0"),
        ({"max_grad_norm": 0}, "more than 0"),
        ({"lora_variant": "best"}, "one of 'lora', 'rslora' or 'dora'"),
        ({"lora_init": "pissa"}, "one of 'default' or 'gaussian'"),
        ({"epochs": "nan"}, "at most 100"),
        ({"max_steps": "1.5"}, "not a whole number"),
        ({"ranks": 3}, "no such setting"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_at_once_in_plain_words(settings, why):
    (name,) = settings
    with pytest.raises(UserError, match=why) as refused:
        TrainConfig().with_settings(settings)
    assert name in refused.value.given
