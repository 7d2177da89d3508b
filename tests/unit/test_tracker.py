"""Experiment trackers: asked for by name, refused in words where their package is missing."""

import importlib.util
import json

import pytest

from ft.config import TrainConfig
from ft.errors import UserError
from ft.train.arguments import training_arguments
from ft.train.batch import Batch
from ft.train.tracker import require_tracker


def test_a_tracker_that_is_not_installed_is_refused_with_how_to_install_it():
    missing = [name for name in ("tensorboard", "trackio", "wandb") if importlib.util.find_spec(name) is None]
    if not missing:
        pytest.skip("every tracker is installed here")
    for name in missing:
        with pytest.raises(UserError, match=rf"the package {name} is not installed.*pip install {name}"):
            require_tracker(TrainConfig(tracker=name))


def test_without_a_tracker_nothing_is_required():
    require_tracker(TrainConfig())


@pytest.mark.parametrize("mode", ["off", "light", "full"])
def test_a_tracker_can_write_down_the_settings_of_a_run(tmp_path, mode):
    config = TrainConfig(checkpointing=mode)
    usual = {"steps": 10, "eval_steps": 5, "has_validation": True, "validate_first": True, "mixed": "float32"}
    settings = training_arguments(config, Batch(4, 2), tmp_path, **usual)
    written = json.loads(settings.to_json_string())
    assert written["learning_rate"] == config.learning_rate and written["per_device_train_batch_size"] == 4
    assert "context_fn" not in settings.to_sanitized_dict()
    assert callable((settings.gradient_checkpointing_kwargs or {}).get("context_fn")) == (mode == "light")
