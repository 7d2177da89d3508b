"""Deleting a dataset: asked about first, all of it and nothing else, and never under a run that trains on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ft import home as places
from ft.cli import main
from ft.config import TrainConfig
from ft.dataset import build, edit, sample, versions
from ft.dataset.change import deletion as without
from ft.dataset.staging import staging_dir
from ft.errors import UserError
from ft.runs import deletion, directory, events
from ft.ui import data_delete

WHICH, WORDS, DELETE, KEEP, SURE, PROBLEM = range(6)  # what `data_delete.show` gives


@pytest.fixture
def chats(home: Path) -> versions.Version:
    """Two versions of a dataset, and another dataset beside it."""
    for name in ("other", "chats"):
        build.save(build.stage([sample.sample_file()]), name)
    edited = edit.apply(versions.find("chats"), without([0]))
    assert isinstance(edited, versions.Version)
    return edited


def test_a_deleted_dataset_is_gone_with_all_versions_and_no_other_is(chats):
    deletion.delete_dataset("chats")
    assert [each.name for each in versions.list_datasets()] == ["other"]
    assert not (places.datasets_dir() / "chats").exists() and not list(staging_dir().iterdir())
    with pytest.raises(UserError, match="no dataset of that name"):
        deletion.delete_dataset("chats")


def test_a_version_number_is_never_given_twice_so_that_a_run_does_not_take_another_dataset_for_its_own(chats):
    run = directory.create(versions.find("chats@v1"), TrainConfig())
    events.append(run, "launched")
    events.append(run, "stopped", step=3)
    for last in ("v2", "v3"):
        deletion.delete_dataset("chats")
        made = build.save(build.stage([sample.sample_file()]), "chats")
        assert int(made.version[1:]) == int(last[1:]) + 1
    with pytest.raises(UserError, match="no version 'v1'"):
        versions.find(f"{run.config.dataset}@{run.config.version}")


def test_an_edit_that_ends_after_its_dataset_was_deleted_does_not_bring_it_back(chats):
    def finish(folder: Path, report: dict) -> dict:
        deletion.delete_dataset("chats")
        return report

    with pytest.raises(UserError, match="deleted meanwhile"):
        edit.apply(chats, without([0]), finish)
    assert [each.name for each in versions.list_datasets()] == ["other"]


def test_no_run_is_made_on_a_dataset_that_was_deleted_meanwhile(chats):
    deletion.delete_dataset("chats")
    with pytest.raises(UserError, match="deleted meanwhile"):
        directory.create(chats, TrainConfig())
    assert directory.list_runs() == []


def test_what_the_disk_keeps_is_not_said_to_be_deleted_and_the_name_is_free_again(chats, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *given, **named: None)  # as another user's files refuse to go
        with pytest.raises(UserError, match="not all of its files could be removed"):
            deletion.delete_dataset("chats")
    build.save(build.stage([sample.sample_file()]), "chats")
    deletion.delete_dataset("chats")


def test_a_link_to_a_folder_elsewhere_is_not_said_to_be_deleted(chats, tmp_path):
    chats.path.parent.rename(tmp_path / "elsewhere")
    chats.path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="a link"):
        deletion.delete_dataset("chats")
    assert versions.find("chats").version == "v2"


def test_a_dataset_that_is_damaged_can_be_deleted(chats):
    (chats.path / "report.json").write_text("{", encoding="utf-8")
    (chats.path / "conversations.parquet").unlink()
    deletion.delete_dataset("chats")
    assert versions.damaged() == []


@pytest.mark.parametrize("name", ["", "..", ".staging", "chats@v1", "../datasets/chats"])
def test_only_a_datasets_name_deletes_anything(chats, name):
    with pytest.raises(UserError):
        deletion.delete_dataset(name)
    assert len(versions.list_datasets()) == 2 and len(versions.list_versions("chats")) == 2


def test_a_dataset_that_a_run_trains_on_is_not_taken_from_it(chats, hold):
    run = directory.create(chats, TrainConfig())
    events.append(run, "launched")
    events.append(run, "started", steps=9)
    with hold(run.lock_path), pytest.raises(UserError, match="is training on it"):
        deletion.delete_dataset("chats")
    assert versions.find("chats") == chats
    events.append(run, "stopped", step=3)
    deletion.delete_dataset("chats")
    assert directory.list_runs() == [run]


def test_the_command_line_deletes_only_what_is_said_to_be_meant(chats, capsys):
    directory.create(chats, TrainConfig())
    assert main(["delete", "chats"]) == 1
    said = capsys.readouterr().err
    assert "2 versions; 1 run trained on it." in said and "sidetune delete chats --yes" in said
    assert versions.find("chats") == chats
    run = directory.find("latest")
    events.append(run, "launched")
    events.append(run, "stopped", step=1)
    assert main(["delete", "chats", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": "chats"}
    capsys.readouterr()
    for name, why in (("chats", "no dataset of that name"), ("other@v1", "a name is made of letters")):
        assert main(["delete", name]) == 1
        assert why in capsys.readouterr().err


def test_the_page_says_what_would_go_and_deletes_what_was_asked_about(chats):
    asked = data_delete.ask("chats", "")
    assert asked[WHICH] == "chats" and "2 versions" in asked[WORDS].value
    assert asked[KEEP].visible and asked[SURE].visible and not asked[DELETE].visible
    dataset, _, *after = data_delete.remove("chats", "other", "")  # another one was chosen meanwhile
    assert dataset == "" and after[DELETE].visible and not after[SURE].visible
    assert [each.name for each in versions.list_datasets()] == ["other"]


def test_an_upload_has_no_button_to_delete_a_dataset(chats):
    upload = build.stage([sample.sample_file()])
    assert not data_delete.show("", upload.id)[DELETE].visible
    assert data_delete.ask("", upload.id)[WHICH] == ""
