"""Run directories: each is found by what a person knows of it, and none can be named outside their folder."""

import json
from pathlib import Path

import pytest

from ft import home as places
from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.runs import directory
from ft.runs.directory import Run
from ft.runs.status import summary


def make(name: str = "sample") -> Run:
    return directory.create(Version(name, "v1", Path.cwd()), TrainConfig())


def remade(run: Run, **changed: object) -> Run:
    """The run with its config.json changed."""
    path = run.path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    return run


def test_before_the_first_run_there_are_none(home: Path):
    assert directory.list_runs() == []
    for asked in ("latest", "2026"):
        with pytest.raises(UserError, match=r"no such run.*none yet"):
            directory.find(asked)


def test_what_a_run_was_asked_to_do_is_read_back_as_it_was(home: Path):
    config = TrainConfig(trained_layers=2, max_steps=7, model="owner/name")
    run = directory.create(Version("mine", "v3", home), config)
    again = directory.find(run.id).config
    assert (again.train, again.dataset, again.version, again.id) == (config, "mine", "v3", run.id)


def test_a_run_of_an_earlier_release_is_read_without_the_setting_that_did_nothing(home: Path):
    run = make()
    train = {**run.config.train.model_dump(), "validation_fraction": 0.2}
    assert remade(run, train=train).config.train == TrainConfig()
    with pytest.raises(UserError, match="validation_fraction"):
        TrainConfig().with_settings({"validation_fraction": 0.2})


def test_runs_are_listed_newest_first_though_they_were_made_within_a_second(home: Path):
    made = [make().id for _ in range(8)]
    assert [run.id for run in directory.list_runs()] == made[::-1]
    assert directory.find("latest").id == made[-1]


def test_a_run_is_found_by_its_id_and_by_a_beginning_that_is_only_its_own(home: Path):
    one, other = make("first"), make("second")
    assert directory.find(one.id) == one
    assert directory.find(one.id[: one.id.index("first") + 1]) == one
    assert directory.find(other.id[:-1]) == other


def test_a_beginning_that_fits_several_runs_is_refused_with_their_number(home: Path):
    make(), make()
    with pytest.raises(UserError, match="2 runs start with that"):
        directory.find("20")  # the century


def test_an_id_that_begins_another_id_is_still_found(home: Path):
    run = make()
    longer = run.path.with_name(run.id + "0")
    longer.mkdir()
    (longer / "config.json").write_text((run.path / "config.json").read_text())
    assert directory.find(run.id) == run


@pytest.mark.parametrize("asked", ["", ".", "..", "../x", "../runs", "/", "/etc", "*", "\x00", "nosuch", " "])
def test_a_name_that_is_no_run_s_is_refused_whatever_it_points_to(home: Path, asked: str):
    run = make()
    (home / "x").mkdir()
    (home / "x" / "config.json").write_text((run.path / "config.json").read_text())
    with pytest.raises(UserError, match="no such run"):
        directory.find(asked)


def test_the_full_path_of_a_run_is_no_name_of_it(home: Path):
    run = make()
    for asked in (str(run.path), f"../runs/{run.id}", f"{run.id}/", f"./{run.id}"):
        with pytest.raises(UserError, match="no such run"):
            directory.find(asked)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "", "a b\nc", "-" * 300, "漢字"])
def test_a_run_lies_in_the_runs_folder_whatever_its_dataset_is_called(home: Path, name: str):
    run = make(name)
    assert run.path.resolve().parent == places.runs_dir().resolve()
    assert directory.list_runs() == [run] and run.config.dataset == name


def break_with_bytes(run: Run) -> None:
    (run.path / "config.json").write_bytes(b"\xff\xfe\x00garbage")


def break_by_cutting(run: Run) -> None:
    (run.path / "config.json").write_text('{"id": "x", "crea')


def break_with_a_key_of_another_release(run: Run) -> None:
    remade(run, tomorrow="x")


def break_the_time(run: Run) -> None:
    remade(run, created="yesterday")


def break_with_a_folder(run: Run) -> None:
    (run.path / "config.json").unlink()
    (run.path / "config.json").mkdir()


def lose_the_config(run: Run) -> None:
    (run.path / "config.json").unlink()


BREAKS = [
    break_with_bytes,
    break_by_cutting,
    break_with_a_key_of_another_release,
    break_the_time,
    break_with_a_folder,
    lose_the_config,
]


@pytest.mark.parametrize("damage", BREAKS)
def test_one_damaged_run_hides_none_of_the_others(home: Path, damage):
    first, second, third = make(), make(), make()
    damage(second)
    assert directory.list_runs() == [third, first]
    assert [summary(run)["run"] for run in directory.list_runs()] == [third.id, first.id]
    with pytest.raises(UserError, match=r"it is damaged: its config\.json cannot be read"):
        directory.find(second.id)


def test_a_stray_file_or_a_half_made_run_is_not_listed(home: Path):
    run = make()
    (places.runs_dir() / "notes.txt").write_text("mine")
    half = places.runs_dir() / f".{run.id}.tmp"
    half.mkdir()
    (half / "config.json").write_text((run.path / "config.json").read_text())
    assert directory.list_runs() == [run]


def test_a_folder_that_cannot_be_written_to_is_said_with_what_to_do(home: Path):
    places.runs_dir().write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"could not be written there.*SIDETUNE_HOME"):
        make()
