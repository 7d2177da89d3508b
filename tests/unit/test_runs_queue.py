"""One run at a time on one device, in a line that a person can change; and who waits is told for whom."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from ft import home as places
from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.runs import directory, events, launch, queue
from ft.runs.directory import Run
from ft.runs.queue import device_lock
from ft.runs.status import status

WORKER = """
import sys
from pathlib import Path
from filelock import FileLock
from ft.runs import events
from ft.runs.directory import Run
from ft.runs.queue import device_lock
run = Run(Path(sys.argv[1]))
told = []
def waiting(behind, before):
    if told != [behind, before]:
        told[:] = behind, before
        events.append(run, "waiting", behind=behind, before=before)
with FileLock(run.lock_path):
    with device_lock(["toy"], run, waiting, poll=0.05):
        events.append(run, "preparing")
        print(run.id, flush=True)
        sys.stdin.readline()
    events.append(run, "finished")
"""


class GivenUpError(Exception):
    """Ends a wait in a test."""


@pytest.fixture
def runs(home: Path) -> list[Run]:
    """Three runs, the oldest first."""
    return [directory.create(Version("sample", "v1", home), TrainConfig()) for _ in range(3)]


@pytest.fixture
def waiting(runs: list[Run], hold) -> Iterator[dict[str, subprocess.Popen]]:
    """The three runs as they wait, each with a process that holds its lock, by their id."""
    with ExitStack() as stack:
        yield {tell(run, "launched", "waiting").id: stack.enter_context(hold(run.lock_path)) for run in runs}


def device() -> Path:
    return places.locks_dir() / "toy.lock"


def told(run: Run) -> tuple[str, int] | None:
    """For whom `run` would wait and how many go before it; None where it gets the device at once."""
    said = []

    def waiting(behind: str, before: int) -> None:
        said.append((behind, before))
        raise GivenUpError

    try:
        with device_lock(["toy"], run, waiting):
            assert not said
            return None
    except GivenUpError:
        return said[0]


def tell(run: Run, *kinds: str) -> Run:
    for kind in kinds:
        events.append(run, kind)
    return run


def order() -> list[str]:
    return [each.run.id for each in queue.line().waiting]


@contextmanager
def workers(runs: list[Run]) -> Iterator[list[subprocess.Popen]]:
    """A process for each run that waits for the device as a worker does; it ends at a line on its standard input."""
    started = []
    try:
        for run in runs:
            command = [sys.executable, "-c", WORKER, str(run.path)]
            started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        yield started
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()


def until_told(run: Run, **fields: object) -> None:
    """Follow the run until it has told that it waits, with these fields."""
    for event in launch.wait(run, poll=0.05):
        if event["kind"] == "waiting" and fields.items() <= event.items():
            return
    raise AssertionError(f"it never told {fields}: {events.read(run)}")


def begun(runs: list[Run]) -> list[str]:
    return [run.id for run in runs if "preparing" in {event["kind"] for event in events.read(run)}]


def test_a_free_device_is_had_at_once_alone_and_given_back(runs):
    with device_lock(["toy"], runs[0], pytest.fail), pytest.raises(Timeout), FileLock(device(), timeout=0):
        pass
    with FileLock(device(), timeout=0):
        pass


def test_another_device_is_not_waited_for(runs, hold):
    with hold(device()), device_lock(["other"], runs[0], pytest.fail):
        pass


def test_a_wait_that_is_given_up_leaves_the_device_to_others(runs, hold):
    with hold(device()) as process:
        assert told(runs[0]) == ("another program", 0)
        process.kill()
        process.wait()
        assert told(runs[0]) is None


def test_who_was_started_first_goes_first_and_the_others_are_told_how_many_go_before(runs, waiting):
    first, second, third = runs
    assert [told(run) for run in runs] == [None, ("", 1), ("", 2)]
    waiting[first.id].kill()  # a dead run keeps nobody waiting
    waiting[first.id].wait()
    assert [told(run) for run in (second, third)] == [None, ("", 1)]
    assert order() == [second.id, third.id]


def test_the_run_that_has_the_device_is_named_and_not_one_that_waits_too(runs, hold):
    running, waits, younger = runs
    tell(running, "launched", "waiting", "preparing", "started")
    tell(waits, "launched")
    tell(younger, "launched", "waiting")
    with hold(device()), hold(running.lock_path), hold(younger.lock_path):
        assert told(waits) == (running.id, 0)
        assert told(younger) == (running.id, 0)
        tell(waits, "waiting")
        with hold(waits.lock_path):
            assert told(younger) == (running.id, 1)
            assert queue.line().using == (running,) and order() == [waits.id, younger.id]


def test_a_run_that_was_asked_to_stop_while_it_waits_keeps_nobody_waiting(runs, waiting):
    queue.cancel(runs[0])
    assert status(runs[0]).state == "stopping" and "before it begins" in status(runs[0]).message
    assert told(runs[1]) is None and order() == [run.id for run in runs[1:]]


def test_what_does_not_wait_is_neither_moved_nor_cancelled(runs, waiting):
    tell(runs[0], "preparing")
    tell(runs[1], "stopped")
    for run, state in zip(runs, ("preparing", "stopped"), strict=False):
        for refused in (lambda run=run: queue.cancel(run), lambda run=run: queue.move(run, "first")):
            with pytest.raises(UserError, match=f"it is {state}: it does not wait"):
                refused()
        assert not run.stop_path.exists() and not run.place_path.exists()
    with pytest.raises(UserError, match="direction 'left'"):
        queue.move(runs[2], "left")


MOVES = "2 first 201, 2 up 021, 1 up 102, 0 down 102, 1 down 021, 0 up 012, 0 first 012, 2 down 012"  # who, where, then


@pytest.mark.parametrize("words", MOVES.split(", "))
def test_a_run_is_moved_and_all_see_the_new_order(runs, waiting, words):
    who, where, digits = words.split()
    then = [int(digit) for digit in digits]
    moved = [each.run.id for each in queue.move(runs[int(who)], where).waiting]
    assert moved == order() == [runs[each].id for each in then]
    assert [told(runs[each]) for each in then] == [None, ("", 1), ("", 2)]


def test_moves_add_up_however_many_they_are(runs, waiting):
    expected = [run.id for run in runs]
    for number in range(60):
        who, where = (7 * number + number // 5) % 3, queue.WHERE[number * number % 3]
        old = expected.index(runs[who].id)
        expected.insert({"first": 0, "up": max(0, old - 1), "down": old + 1}[where], expected.pop(old))
        queue.move(runs[who], where)
        assert order() == expected
    late = directory.create(Version("sample", "v1", runs[0].path), TrainConfig())
    tell(late, "launched")
    assert order() == [*expected, late.id]  # who comes later is last, whatever was moved before


def test_the_order_is_read_from_the_disk_alone(runs, waiting):
    queue.move(runs[2], "first")
    code = "from ft.runs import queue; print(*[each.run.id for each in queue.line().waiting])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [runs[2].id, runs[0].id, runs[1].id]
    assert sorted(path.name for run in runs for path in run.path.glob("*place*")) == ["place"]


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"first", b"nan", b"1e400", b"9" * 5000, b"-", b"1\n2"])
def test_a_damaged_place_is_ignored_and_mended_by_the_next_move(runs, waiting, damage):
    runs[2].place_path.write_bytes(damage)
    assert order() == [run.id for run in runs]
    queue.move(runs[2], "first")
    assert order() == [runs[2].id, runs[0].id, runs[1].id]


def test_a_run_that_is_started_again_joins_at_the_end(runs, waiting):
    first = queue.move(runs[1], "first").waiting[0].run
    waiting[first.id].kill()
    waiting[first.id].wait()
    assert status(first).state == "interrupted" and order() == [runs[0].id, runs[2].id]
    assert launch.resume(first) == 0  # the waiter has it
    assert order() == [runs[0].id, runs[2].id, first.id]  # also while that is only on its way
    launch.stop(first)
    for _ in launch.wait(first, poll=0.05):
        pass


def test_a_run_whose_process_is_only_on_its_way_can_be_moved_and_holds_up_nobody(runs, waiting):
    fresh = tell(directory.create(Version("sample", "v1", runs[0].path), TrainConfig()), "launched")
    queue.move(fresh, "first")
    assert order() == [fresh.id, *(run.id for run in runs)]
    assert told(runs[0]) is None


def test_runs_that_wait_are_worked_on_in_the_order_they_were_made(runs, hold):
    with workers(runs) as started:
        with hold(device()):
            for run in runs:
                until_told(run)
        for run, worker in zip(runs, started, strict=True):
            assert worker.stdout is not None and worker.stdout.readline() == f"{run.id}\n"
            assert begun(runs) == [each.id for each in runs[: runs.index(run) + 1]]
            worker.communicate("done\n")
        assert [status(run).state for run in runs] == ["finished"] * 3


def test_workers_that_wait_heed_a_move_tell_it_and_never_work_two_at_once(runs, hold):
    with workers(runs) as started:
        with hold(device()):
            until_told(runs[2], before=2)
            queue.move(runs[2], "first")
            until_told(runs[2], behind="another program", before=0)
            until_told(runs[1], before=2)
            until_told(runs[0], before=1)
            assert "1 run is before it" in status(runs[0]).message and "2 runs are" in status(runs[1]).message
        at = {run.id: worker for run, worker in zip(runs, started, strict=True)}
        for place, each in enumerate((2, 0, 1)):
            worker = at[runs[each].id]
            assert worker.stdout is not None and worker.stdout.readline() == f"{runs[each].id}\n"
            assert len(begun(runs)) == place + 1
            worker.communicate("done\n")


def test_a_device_that_becomes_free_amid_moves_goes_to_one_run_only(runs, hold):
    waits = runs[:2]
    with workers(waits) as started:
        with hold(device()):
            for run in waits:
                until_told(run)
        while not begun(waits):  # the two change places for as long as the device is free
            for run in reversed(waits):
                with suppress(UserError):  # the moved one has it by now
                    queue.move(run, "first")
        with pytest.raises(Timeout), FileLock(device(), timeout=0):
            pass
        (first,) = begun(waits)
        other = next(run for run in waits if run.id != first)
        until_told(other, behind=first, before=0)
        assert begun(waits) == [first]
        for run in (directory.find(first), other):
            worker = started[waits.index(run)]
            assert worker.stdout is not None and worker.stdout.readline() == f"{run.id}\n"
            worker.communicate("done\n")


def test_a_worker_that_is_killed_while_it_is_first_in_line_leaves_the_device_to_the_next(runs, hold):
    with workers(runs[:2]) as (first, second):
        with hold(device()):
            until_told(runs[0])
            until_told(runs[1], before=1)
            first.kill()
            first.wait()
        assert second.stdout is not None and second.stdout.readline() == f"{runs[1].id}\n"
        assert status(runs[0]).state == "interrupted"
