"""A small file that would become a large one in memory is refused in words, and never takes half a gigabyte."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from formats.json_limits import MOST_PARTS, has_too_many_parts

MOST_MEMORY = 500 << 20  # bytes, all of the process
# Reads a file in a process of its own, and prints its memory (bytes) and how often each code came, "chat" for a chat.
READ = """
import json, resource, sys
from collections import Counter
from pathlib import Path
from formats.convert import convert
codes = Counter(getattr(item, "code", "chat") for item in convert(Path(sys.argv[1])))
status = Path("/proc/self/status")  # where there is one: ru_maxrss counts what the parent had too
if status.exists():
    memory = int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
else:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([memory, codes]))
"""


def read(path: Path, content: bytes, seconds: int = 60) -> dict[str, int]:
    """How many chats and which problems are read; it fails where that takes too much memory or processor time."""
    path.write_bytes(content)

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr or done.returncode
    memory, codes = json.loads(done.stdout)
    assert memory < MOST_MEMORY
    return codes


TOO_LARGE = {
    "objects": lambda: b'[{"messages":[' + b"{}," * 5_000_000 + b"{}]}]",
    "lists": lambda: b'[{"messages":[' + b"[]," * 5_000_000 + b"[]]}]",
    "numbers": lambda: b'[{"messages":[' + b"1.5," * 4_000_000 + b"1]}]",
    "keys": lambda: b"[{" + b",".join(b'"%d":{}' % number for number in range(1_000_000)) + b"}]",
    "a text": lambda: b'[{"prompt":"' + b"x" * 40_000_000 + b'"}]',
    "a number": lambda: b'[{"prompt":' + b"1" * 40_000_000 + b"}]",
}


def some(names, *fast):
    """The names as parameters, all but some of them marked slow."""
    return [name if name in fast else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("what", some(TOO_LARGE, "objects", "a text"))
def test_a_record_that_becomes_too_many_objects_is_refused(tmp_path, what):
    assert read(tmp_path / "f", TOO_LARGE[what]()) == {"not_read": 1}


def test_a_record_that_is_too_large_costs_that_record_alone(tmp_path):
    content = TOO_LARGE["objects"]()
    assert read(tmp_path / "f", content[1:-1] + b'\n{"prompt":"a","completion":"b"}') == {"too_large": 1, "chat": 1}


@pytest.mark.slow
def test_a_long_text_is_no_bomb(tmp_path):
    for text in (
        b"hello, wor" * 2_000_000,
        b"x\\n" * 10_000_000,
        b'\\"[{,' * 5_000_000,
        "\U0001f600".encode() * 20_000_000,
    ):
        record = b'{"prompt":"a","completion":"' + text + b'"}'
        assert read(tmp_path / "f", b"[" + record + b",\n" + b'{"prompt":"a","completion":"b"}]')["chat"] == 2


def test_parts_are_counted_of_the_first_value_alone_and_not_in_its_texts():
    row = '{"a": "[{,\\\\", "b": "\\",,,"}'
    assert not has_too_many_parts(row + "," * 2 * MOST_PARTS, 0)
    assert not has_too_many_parts('"' + "," * 2 * MOST_PARTS, 0)
    assert has_too_many_parts("[" + "1," * MOST_PARTS, 0)
    assert has_too_many_parts("x[" + '"",' * (MOST_PARTS // 2) + "]", 1)


SLOW = {
    "rows that open and never end": (lambda: b"[\n" + b'{"a":[1,\n' * 40_000, "not_read"),
    "rows in rows before a large one": (lambda: b"[\n" + b'{"a":[\n' * 400 + b'"a",' * 200_000, "not_read"),
    "rows of other keys behind a large one": (
        lambda: LARGE + b"".join(b',{"k%d":1}' % number for number in range(40_000)) + b"]",
        "unknown_format",
    ),
    "broken rows behind a large one": (lambda: LARGE + b"\n{x" * 40_000, "bad_json"),
}
LARGE = b'[{"a":"' + b"x" * 8_000_000 + b'"}'


@pytest.mark.parametrize("what", SLOW)
def test_a_file_is_not_read_over_and_over(tmp_path, what):
    content, code = SLOW[what]
    assert code in read(tmp_path / "f", content(), seconds=20)


TABLES = {
    "one cell": lambda: b'"' + b"x" * 200_000_000 + b'",b\n',
    "many cells": lambda: b"x," * 20_000_000,
    "many lines": lambda: b",".join([b'"' + b"x\n" * 4_000_000 + b'"'] * 12),
}


@pytest.mark.parametrize("what", some(TABLES, "one cell"))
def test_a_row_of_a_table_that_never_ends_is_refused(tmp_path, what):
    assert read(tmp_path / "f.csv", b"prompt,completion\na,b\n" + TABLES[what]()) == {"chat": 1, "too_large": 1}
