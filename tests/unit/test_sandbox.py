"""Work in a process of its own: what it yields and raises comes back, and what it takes too much of ends it alone."""

from __future__ import annotations

import ctypes
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ft.errors import UserError
from ft.sandbox import Child, LimitReached, Limits, stream

LIMITS = Limits(memory_bytes=400_000_000, cpu_seconds=1)


def count(to: int) -> Iterator[int]:
    yield from range(to)


def wait() -> Iterator[int]:
    yield 1
    time.sleep(3600)


def own_id() -> Iterator[int]:
    yield os.getpid()
    yield from iter(int, 1)


def refuse() -> Iterator[int]:
    yield 1
    raise UserError("the file", "it is odd.", "Mend it.")


def refuse_oddly() -> Iterator[int]:
    yield 1
    raise LimitReached("time", LIMITS)  # one that can be packed, and not made again of its only text


def take_memory() -> Iterator[int]:
    yield 1
    yield len(bytearray(1 << 30))


def take_arrows_memory() -> Iterator[int]:
    yield 1
    yield pa.allocate_buffer(1 << 30).size


def take_time() -> Iterator[int]:
    yield 1
    re.match(r"(a+)+$", "a" * 60 + "b")
    yield 2


def crash() -> Iterator[int]:
    yield 1
    yield len(ctypes.string_at(0))


def read_parquet(file: bytes) -> Iterator[int]:
    yield pq.read_table(io.BytesIO(file)).num_rows


def test_values_come_back_in_order():
    assert list(stream(LIMITS, count, 1000)) == list(range(1000))


def test_a_child_does_one_task_after_another():
    with Child(LIMITS) as child:
        for to in (3, 0, 2):
            child.begin(count, to)
            assert [child.receive() for _ in range(to + 1)] == [*((True, n) for n in range(to)), (False, None)]


def test_what_the_work_raises_is_raised_here():
    values = stream(LIMITS, refuse)
    assert next(values) == 1
    with pytest.raises(UserError) as caught:
        next(values)
    assert (caught.value.given, caught.value.why, caught.value.todo) == ("the file", "it is odd.", "Mend it.")


def test_what_cannot_be_raised_here_is_told():
    with pytest.raises(RuntimeError, match="LimitReached: took more than 1 seconds") as raised:
        list(stream(LIMITS, refuse_oddly))
    assert "refuse_oddly" in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("work", "reason"),
    [(take_memory, "memory"), (take_arrows_memory, "memory"), (take_time, "time"), (crash, "crash")],
)
def test_what_takes_too_much_ends_after_what_it_yielded_and_says_why(work, reason):
    values = stream(LIMITS, work)
    assert next(values) == 1
    with pytest.raises(LimitReached) as caught:
        next(values)
    assert caught.value.reason == reason


@pytest.mark.parametrize("heed", [None, lambda: None])
def test_what_computes_little_and_takes_long_ends_too_where_others_wait_for_it(heed):
    found = stream(Limits(400_000_000, 60, 8), wait, heed=heed)
    assert next(found) == 1
    with pytest.raises(LimitReached, match="took more than 8 seconds") as reached:
        next(found)
    assert reached.value.reason == "waited"


def test_time_is_counted_for_each_task_anew():
    with Child(Limits(memory_bytes=400_000_000, cpu_seconds=3)) as child:
        for _ in range(4):
            child.begin(busy, 1.2)
            assert child.receive() == (True, None)
            assert child.receive() == (False, None)


def busy(seconds: float) -> Iterator[None]:
    begun = time.process_time()
    while time.process_time() - begun < seconds:
        pass
    yield


def test_libraries_with_threads_of_their_own_work_within_the_limit():
    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["a" * 1000] * 5000}), file)
    assert list(stream(LIMITS, read_parquet, file.getvalue())) == [5000]


def test_a_process_that_nobody_listens_to_any_more_is_gone():
    values = stream(LIMITS, own_id)
    process = psutil.Process(next(values))
    values.close()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_processes_start_where_temporary_files_have_a_long_path(tmp_path):
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    program = (
        "import sys, tempfile, test_sandbox as t; "
        "tempfile.tempdir = sys.argv[1]; print(list(t.stream(t.LIMITS, t.count, 3)))"
    )
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    for environment in ({}, {"TMPDIR": str(folder)}):
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            env={**os.environ, "PYTHONPATH": paths, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == "[0, 1, 2]\n", done.stderr


def temporary_folder() -> Iterator[str]:
    yield tempfile.gettempdir()


def test_temporary_files_lie_where_those_of_the_asker_do(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert list(stream(LIMITS, temporary_folder)) == [str(tmp_path)]
