"""Deleting a dataset: asked about first, all of it and nothing else, and never under a run that trains on it."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
import pytest

from ft import home as places
from ft.cli import main
from ft.config import TrainConfig
from ft.dataset import build, edit, sample, versions
from ft.dataset.change import deletion as without
from ft.dataset.staging import staging_dir
from ft.errors import UserError
from ft.runs import deletion, directory, events
from ft.ui import data_delete, data_history


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
    assert versions.damaged() == {}


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
    which, question, words, problem = data_delete.ask("chats", "")
    assert which == "chats" and "2 versions" in words and question.visible and not problem["visible"]
    kept, closed, _ = data_delete.closed()
    assert kept == "" and not closed.visible
    assert data_delete.remove(kept)[:2] == (gr.skip(), gr.skip()) and versions.find("chats") == chats
    dataset, _, which, question, *_ = data_delete.remove("chats")
    assert (dataset, which) == ("", "") and not question.visible
    assert [each.name for each in versions.list_datasets()] == ["other"]


def test_the_question_goes_with_the_dataset_that_it_is_about_and_not_before(chats):
    unchanged = (gr.skip(),) * 3
    assert data_delete.follow("chats", "", "chats") == unchanged  # an edit
    assert (
        data_delete.follow("other", "", "") == unchanged
    )  # an answer that comes late does not close what is asked now
    which, question, _ = data_delete.follow("other", "", "chats")
    assert which == "" and not question.visible


def test_an_upload_is_no_dataset_to_delete(chats):
    upload = build.stage([sample.sample_file()])
    actions = data_history.show("", upload.id)[3]  # the row of buttons, with the one that deletes
    assert not actions.visible
    *unchanged, problem = data_delete.ask("", upload.id)
    assert unchanged == [gr.skip()] * 3 and "not saved yet" in problem["value"]
