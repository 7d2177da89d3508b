"""Experiment trackers: asked for by name, refused in words where their package is missing."""

import importlib.util

import pytest

from ft.config import TrainConfig
from ft.errors import UserError
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
