"""Temporary files: under the home, in a folder that goes with its process, and no more than there may be."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from ft import cache
from ft.home import cache_dir

LIVING = """
import sys, tempfile
from pathlib import Path
from ft import cache
with cache.claimed() as folder:
    Path(tempfile.mkstemp()[1]).write_text("a chat")
    print(folder, flush=True)
    sys.stdin.read()
"""


READING = """
from ft import cache, sandbox
with cache.claimed():
    limits = sandbox.Limits(memory_bytes=2 * 10**9, cpu_seconds=60)
    print(list(sandbox.stream(limits, iter, [1, 2])))
"""


@pytest.fixture
def living(home: Path):
    """`living()` starts a process with temporary files, and gives it and its folder."""
    started = []

    def start() -> tuple[subprocess.Popen, Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", LIVING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_temporary_files_lie_in_the_home_and_go_with_their_process(home):
    before = tempfile.gettempdir()
    with cache.claimed() as folder:
        assert folder.is_relative_to(cache_dir()) and tempfile.gettempdir() == str(folder)
        assert folder.stat().st_mode & 0o077 == 0
        Path(tempfile.mkstemp()[1]).write_text("a chat")
    assert tempfile.gettempdir() == before
    assert [path.name for path in cache_dir().iterdir()] == [".lock"]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(home, living):
    killed, abandoned = living()
    _, used = living()
    killed.kill()
    killed.wait()
    assert len(list(abandoned.iterdir())) == 1
    with cache.claimed() as folder:
        assert not abandoned.exists()
        assert len(list(used.iterdir())) == 1
        assert {path for path in cache_dir().iterdir() if path.is_dir()} == {used, folder}


@pytest.mark.parametrize("deep", ["", "a-folder-with-a-long-name/" * 5])
def test_a_process_that_had_others_read_for_it_ends_without_a_word(deep, tmp_path):
    (tmp_path / deep).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:  # its path is short, as a person's own is
        env = {**os.environ, "SIDETUNE_HOME": home, **({"TMPDIR": str(tmp_path / deep)} if deep else {})}
        ended = subprocess.run([sys.executable, "-c", READING], env=env, capture_output=True, text=True, check=True)
        assert (ended.stdout, ended.stderr) == ("[1, 2]\n", "")
        assert os.listdir(Path(home, "cache")) == [".lock"]


def test_a_home_that_cannot_be_written_does_not_stop_the_app(home):
    home.rmdir()
    home.write_text("in the way")
    with cache.claimed() as folder:
        (folder / "file").write_text("a chat")
    assert not folder.exists()


def test_room_is_made_of_what_nobody_used_for_an_hour(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.LIMIT, str(1000 / cache.GB))
    for name, hours in (("oldest", 3), ("old", 2), ("new", 0)):
        path = tmp_path / name / "chats.json"
        path.parent.mkdir()
        path.write_bytes(b"x" * 300)
        os.utime(path, (time.time() - hours * 3600, time.time() - hours * 3600))
    assert cache.make_room(tmp_path, 100) == 100
    assert cache.make_room(tmp_path, 300) == 400
    assert {path.parent.name for path in tmp_path.rglob("*.json")} == {"old", "new"}
    assert cache.make_room(tmp_path, 900) == 700
    assert {path.parent.name for path in tmp_path.rglob("*.json")} == {"new"}


def test_room_is_made_while_others_write_and_remove_their_files(tmp_path):
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
                Path(folder, "file").write_text("x")

    others = [threading.Thread(target=come_and_go) for _ in range(4)]
    for other in others:
        other.start()
    try:
        for _ in range(2_000):
            assert cache.make_room(tmp_path, 10) >= 10
    finally:
        over.set()
        for other in others:
            other.join()


def test_only_files_make_room(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.LIMIT, "0")
    os.mkfifo(tmp_path / "pipe")
    os.utime(tmp_path / "pipe", (0, 0))
    assert cache.make_room(tmp_path, 1) == 0
    assert (tmp_path / "pipe").exists()
