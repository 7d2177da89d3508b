"""Whatever a conversation holds, each step from the file to the page takes a time that grows with its length alone."""

from __future__ import annotations

import json
import subprocess
import sys

import hostile
import pytest

# What once took minutes.
ONCE_SLOW = ("ada@example.org\n", "a.", "-eyJaaaaaaaaaa", " ", "``` ", "<div ", "<a ", "{{a", "<|a")


def slow(length: int, *pieces: str) -> list[dict[str, str]]:
    command = [sys.executable, hostile.__file__, str(length), *pieces]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_no_step_takes_long_for_a_text_that_once_did():
    assert slow(50_000, *ONCE_SLOW, "ada.lovelace@example.org, ") == []


@pytest.mark.slow
@pytest.mark.parametrize(("length", "pieces"), [(24_000, ()), (600_000, ONCE_SLOW)])
def test_no_step_takes_long_for_any_hostile_text(length, pieces):
    assert slow(length, *pieces) == []


def test_time_that_grows_with_the_square_of_the_length_is_seen(monkeypatch, capsys):
    monkeypatch.setattr(hostile, "STEPS", {"square": lambda text: [text.count("ab") for _ in text]})
    hostile.main(20_000, ("a",))
    assert "square" in capsys.readouterr().out
