"""One real training of the sample, shared by the tests that look at its results."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import SAMPLE_NAME, sample_file
from ft.dataset.versions import Version, find
from ft.presets import preset
from ft.runs import directory, launch
from ft.runs.directory import Run


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, models_cache):
    """A home with the default model, the sample as a dataset, and a short run on it with the CPU preset."""
    home = tmp_path_factory.mktemp("trained") / "home"
    home.mkdir()
    (home / "models").symlink_to(models_cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(home))
        dataset = save(stage([sample_file()]), SAMPLE_NAME)
        short = {"max_steps": 24, "eval_steps": 8, "probes": 1}
        run = directory.create(dataset, preset("cpu").config.with_settings(short))
        launch.start(run)
        for _ in launch.wait(run):
            pass
    return home


@pytest.fixture
def trained(trained_home, monkeypatch) -> Run:
    """The finished run of `trained_home`."""
    monkeypatch.setenv("SIDETUNE_HOME", str(trained_home))
    return directory.list_runs()[-1]


@pytest.fixture
def sample(trained_home, monkeypatch) -> Version:
    """The sample as a dataset, in `trained_home`."""
    monkeypatch.setenv("SIDETUNE_HOME", str(trained_home))
    return find(SAMPLE_NAME)


@pytest.fixture
def tiny_run(home, tiny_model) -> Callable[..., Run]:
    """`tiny_run(**settings)`: a run of the tiny model on the sample, in a home of one test, not started yet."""
    dataset = save(stage([sample_file()]), SAMPLE_NAME)

    def made(**settings: object) -> Run:
        asked = {"model": tiny_model, "lora_rank": 4, "max_steps": 12, "eval_steps": 4, "learning_rate": 1e-2}
        return directory.create(dataset, TrainConfig().with_settings({**asked, **settings}))

    return made
