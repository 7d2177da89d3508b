"""A full disk is no reason to keep what would make room; what is written on it is refused in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic_runs import events_of, write

from ft.checks import language
from ft.checks.check import check
from ft.dataset import build, sample, versions
from ft.errors import UserError
from ft.runs import deletion, directory


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home on a disk of its own that can be filled."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    monkeypatch.setenv("SIDETUNE_HOME", str(disk / "home"))
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def test_a_dataset_and_a_run_are_deleted_on_a_full_disk_and_no_number_is_given_twice(full: Path):
    for _ in range(2):
        build.save(build.stage([sample.sample_file()]), "chats")
    run = write(full / "home", "a", events_of(lambda epoch: 4 - epoch, None, steps=5), dataset="chats")
    fill(full)
    with pytest.raises(UserError, match=r"(?i)no space left"):
        build.stage([sample.sample_file()])
    deletion.delete(run)
    deletion.delete_dataset("chats")
    assert directory.list_runs() == [] and versions.list_datasets() == []
    assert build.save(build.stage([sample.sample_file()]), "chats").version == "v3"


def test_a_check_on_a_full_disk_is_refused_in_words(full: Path, monkeypatch: pytest.MonkeyPatch):
    version = build.save(build.stage([sample.sample_file()]), "chats")
    monkeypatch.setattr("tempfile.tempdir", str(full))
    language._identifier.cache_clear()  # as in an app that has just started
    fill(full)
    with pytest.raises(UserError, match=r"the check of languages: .*no space left"):
        check(version)


def test_what_lies_in_the_place_of_the_numbers_keeps_no_dataset_from_being_deleted(home: Path):
    build.save(build.stage([sample.sample_file()]), "chats")
    (home / "datasets" / ".deleted").write_text("a file")
    deletion.delete_dataset("chats")
    assert build.save(build.stage([sample.sample_file()]), "chats").version == "v2"


def test_a_version_is_on_the_disk_before_it_has_its_name(home: Path, tmp_path: Path):
    """By what the system was asked to do: the files are synced, then the folder is renamed."""
    traced = tmp_path / "calls"
    script = (
        "import os; calls = []; sync, rename = os.fsync, os.rename\n"
        "def fsync(fd): calls.append(os.readlink(f'/proc/self/fd/{fd}')); sync(fd)\n"
        "def named(old, new, **how): calls.append(f'-> {new}'); rename(old, new, **how)\n"
        "os.fsync, os.rename = fsync, named\n"
        "from ft.dataset import build, sample\n"
        "build.save(build.stage([sample.sample_file()]), 'chats')\n"
        f"open({str(traced)!r}, 'w').write('\\n'.join(calls))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    calls = traced.read_text().splitlines()
    named = next(place for place, call in enumerate(calls) if call.endswith("chats/v1"))
    before = {Path(call).name for call in calls[:named]}
    assert {"conversations.parquet", "report.json", "source.json", "rejected.jsonl"} <= before
    assert any(call.endswith("datasets/chats") for call in calls[named:])
