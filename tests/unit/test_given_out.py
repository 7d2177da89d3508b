"""What is given out to take lies among the temporary files, which have a ceiling: beyond it, it is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ft import cache
from ft.dataset import build, sample, versions
from ft.errors import UserError
from ft.ui import api_data, data_events, data_export
from ft.ui.given_out import given_out


@pytest.fixture
def full(home: Path, tmp_path: Path, monkeypatch) -> str:
    """A dataset with rejected records, and no room for temporary files any more."""
    path = tmp_path / "chats.jsonl"
    path.write_text(sample.sample_file().path.read_text() + '{"messages": []}\n')
    build.save(build.stage([build.SourceFile(path, path.name)]), "chats")
    monkeypatch.setenv(cache.LIMIT, "1e-9")
    return "chats"


def test_an_export_that_there_is_no_room_for_is_refused_in_words(full):
    with pytest.raises(Exception, match="temporary files have 0") as refused:
        api_data.export_data(full)
    assert cache.LIMIT in str(refused.value)
    assert "temporary files have 0" in str(data_export.exported(full, "", "messages", ""))


def test_a_dataset_is_shown_where_there_is_no_room_for_its_rejected_records(full):
    *_, button = data_events._view(versions.find(full), "")
    assert (button.visible, button.interactive, button.value) == (True, False, None)


def test_a_file_is_given_out_where_there_is_room(home, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    assert Path(given_out(tmp_path / "a.txt")).read_text() == "a"
    with pytest.raises(UserError, match="temporary files"):
        given_out_large(tmp_path)


def given_out_large(folder: Path) -> None:
    with (folder / "b.txt").open("wb") as file:
        file.truncate(cache.limit() + 1)  # takes no room on the disk
    given_out(folder / "b.txt")
