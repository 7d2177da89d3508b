"""A pipe or a device in the place of a file of a run or a dataset is damage in words, and holds nobody up."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic_runs
from answers import refused

from ft.dataset import build, edit, export, parquet, rejected, versions
from ft.dataset.build import SourceFile
from ft.files import read_bytes, write_text
from ft.runs import directory, events, queue, status, stopping

SECONDS = 60


def within_time(ask: Callable[[], Any]) -> None:
    """It answers or refuses; a pipe that nobody writes to would hold it up for good."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            refused(ask)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive() and not failed, failed


def in_place_of(path: Path, kind: str) -> None:
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["events.jsonl", "config.json", "name", "place", "lock", "stop", "train.log"])
def test_what_is_no_file_in_a_run_holds_nobody_up(home, name: str, kind: str):
    synthetic_runs.write(home, "good", [])
    run = synthetic_runs.write(home, "bad", [])
    in_place_of(run.path / name, kind)
    for ask in (
        directory.survey,
        lambda: queue.line(),
        lambda: events.read(run),
        lambda: status.status(run),
        lambda: status.log_tail(run),
        lambda: stopping.is_asked_now(run),
    ):
        within_time(ask)
    assert any(each.id.endswith("good") for each in directory.list_runs())


@pytest.fixture
def dataset(home, tmp_path):
    file = tmp_path / "a.jsonl"
    rows = [{"prompt": f"q{n}", "completion": f"a{n}"} for n in range(30)]
    file.write_text("\n".join(map(json.dumps, [*rows, {"x": 1}])))
    return build.save(build.stage([SourceFile(file, "a.jsonl")]), "mine")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize(
    "name", ["source.json", "report.json", "conversations.parquet", "rejected.jsonl", "../current"]
)
def test_what_is_no_file_in_a_dataset_holds_nobody_up(dataset, name: str, kind: str):
    in_place_of(dataset.path / name, kind)
    for ask in (versions.listing, versions.damaged, lambda: versions.find("mine"), lambda: edit.undo("mine")):
        within_time(ask)
    if name == "rejected.jsonl" and kind == "pipe":
        within_time(lambda: rejected.page(dataset, 0, 10))


@pytest.mark.parametrize("columns", ["all", "messages", "split", "origin"])
def test_conversations_of_other_types_are_damage_in_words(dataset, tmp_path, columns: str):
    path = dataset.conversations_path
    table = pq.read_table(path, partitioning=None)
    seven = pa.array([7] * len(table))
    names = table.column_names if columns == "all" else [columns]
    pq.write_table(pa.table({name: seven if name in names else table[name] for name in table.column_names}), path)
    for ask in (
        lambda: list(parquet.read(path)),
        lambda: parquet.index(path),
        lambda: parquet.take(path, [0]),
        lambda: list(parquet.tables(path)),
        lambda: export.export(dataset, tmp_path / "out.jsonl", "messages"),
    ):
        assert "it cannot be read (its column" in str(refused(ask))


def test_two_who_write_a_file_at_once_both_succeed(tmp_path):
    path, failed = tmp_path / "name", []

    def write(text: str) -> None:
        for _ in range(300):
            try:
                write_text(path, text)
            except OSError as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=(text * 100,)) for text in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and path.read_text() in ("a" * 100, "b" * 100)
    assert [each.name for each in tmp_path.iterdir()] == ["name"]


def test_a_folder_in_the_place_of_a_file_is_told_as_one(tmp_path):
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path)
