"""Start training, pressed on a page that somebody leaves or loads again before the run is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ft.config import DEFAULT_MODEL
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.presets import preset
from ft.runs import launch
from ft.ui import train, train_settings


@pytest.fixture
def begun(home: Path, monkeypatch) -> list[tuple[str, str]]:
    """The (dataset, name) of each run that is begun; none is trained."""
    found: list[tuple[str, str]] = []

    def begin(version, config, name):
        found.append((version.name, name))
        return directory_run

    directory_run = type("Run", (), {"id": "20261120-100000-sample-aaaa"})()
    monkeypatch.setattr(launch, "begin", begin)
    monkeypatch.setattr(train, "_preflight", lambda version, config: iter(["Reading the dataset", "Counting"]))
    save(stage([sample_file()]), "sample")
    return found


def pressed():
    return train.start("left", "sample", DEFAULT_MODEL, "cpu", *train_settings.values(preset("cpu").config))


def test_a_run_is_begun_though_its_page_is_left_while_it_is_checked(begun):
    going = pressed()
    next(going)
    assert begun == []
    going.close()
    assert begun == [("sample", "left")]


def test_a_run_whose_page_is_left_after_it_was_begun_is_begun_once(begun):
    *_, _ = pressed()
    assert begun == [("sample", "left")]
    going = pressed()
    for _ in range(3):
        chosen, *_ = next(going)
    assert chosen == "20261120-100000-sample-aaaa"
    going.close()
    assert len(begun) == 2
