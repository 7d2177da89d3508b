"""One real training of the sample, shared by the tests that look at its results."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from forked import Forked
from transformers import LlamaForCausalLM

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import SAMPLE_NAME, sample_file
from ft.dataset.versions import Version, find
from ft.presets import preset
from ft.runs import directory, launch
from ft.runs.directory import Run


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, models_cache, worker_id):
    """A home with the default model, the sample as a dataset, and a short run on it with the CPU preset. Where several
    processes test, one trains for all."""
    own = tmp_path_factory.getbasetemp()
    shared = (own if worker_id == "master" else own.parent) / "trained"
    home = shared / "home"
    shared.mkdir(exist_ok=True)
    with FileLock(shared / "lock"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(home))
        if not home.exists():
            home.mkdir()
            (home / "models").symlink_to(models_cache)
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
        asked = {
            "model": tiny_model,
            "lora_rank": 4,
            "max_steps": 12,
            "eval_steps": 4,
            "learning_rate": 1e-2,
            "probes": 0,
        }
        return directory.create(dataset, TrainConfig().with_settings({"probes": 0, **asked, **settings}))

    return made


@pytest.fixture(scope="session")
def forked() -> Iterator[Forked]:
    forked = Forked()
    yield forked
    forked.close()


@pytest.fixture
def forked_workers(forked: Forked, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what becomes of a run: how its worker starts is not in question, and costs most of their time."""
    monkeypatch.setattr(launch, "work", forked.work)


@pytest.fixture
def touchy_model(tiny_model: str, tmp_path: Path) -> str:
    """The tiny model, which guesses at random at first: what its head reads is 0 until an adapter changes it, and then
    costs a lot. So it diverges on any machine, and never by an overflow."""
    folder = tmp_path / "touchy"
    shutil.copytree(tiny_model, folder)
    model = LlamaForCausalLM.from_pretrained(tiny_model)
    torch.manual_seed(0)
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[0] = 0
            layer.mlp.down_proj.weight[0] = 0
        model.lm_head.weight.zero_()
        model.lm_head.weight[:, 0] = 5 * torch.randn(len(model.lm_head.weight))
    model.save_pretrained(folder)
    return str(folder)
