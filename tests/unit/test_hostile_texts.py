"""Whatever a conversation holds, each step from the file to the page takes a time that grows with its length alone."""

from __future__ import annotations

import json
import subprocess
import sys

import hostile
import pytest

# What once took minutes.
ONCE_SLOW = ("ada@example.org\n", "a.", "-eyJaaaaaaaaaa", " ", "``` ", "<div ", "<a ", "{{a", "<|a")


def slow(length: int, seconds: int, *pieces: str) -> list[dict[str, str]]:
    command = [sys.executable, hostile.__file__, str(length), str(seconds), *pieces]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_no_step_takes_long_for_a_text_that_once_did():
    assert slow(100_000, 8, *ONCE_SLOW) == []


@pytest.mark.slow
@pytest.mark.parametrize(("length", "seconds", "pieces"), [(100_000, 15, ()), (1_000_000, 100, ONCE_SLOW)])
def test_no_step_takes_long_for_any_hostile_text(length, seconds, pieces):
    assert slow(length, seconds, *pieces) == []


def test_a_list_of_addresses_of_half_a_megabyte_is_checked_up_in_seconds():
    assert slow(500_000, 15, "ada.lovelace@example.org, ") == []
