"""Runs of the default model on the sample, on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import SAMPLE_NAME, sample_file
from ft.runs import directory
from ft.runs.directory import Run


@pytest.fixture
def gpu_run(embedded_model: Path) -> Callable[..., Run]:
    """`gpu_run(**settings)`: a run of the default model on the sample, not started yet. Without dropout and probes, so
    that two runs differ by their settings alone."""
    dataset = save(stage([sample_file()]), SAMPLE_NAME)
    few = {"max_steps": 3, "eval_steps": 3, "batch_size": 16, "lora_dropout": 0.0, "probes": 0}

    def made(**settings: object) -> Run:
        return directory.create(dataset, TrainConfig().with_settings({**few, **settings}))

    return made
