"""Starting, stopping, resuming and deleting runs: never two at one run, and never under a live one's feet."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ft import home as places
from ft.config import TrainConfig
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.models import device
from ft.runs import deletion, directory, events, launch, queue
from ft.runs.directory import Run
from ft.runs.status import is_locked, log_tail, status

PROBE = """
import sys
from pathlib import Path
from ft.runs.directory import Run
from ft.runs.status import is_locked
print("probing", flush=True)
while not is_locked(Run(Path(sys.argv[1]))):
    pass
"""


@pytest.fixture
def run(home: Path) -> Run:
    return directory.create(Version("sample", "v1", home), TrainConfig())


@pytest.fixture
def busy(home: Path, hold):
    """The device, held by another program."""
    with hold(places.locks_dir() / f"{device.describe().key}.lock") as process:
        yield process


def follow(run: Run, kind: str, **fields: object) -> dict:
    """The newest event of the run, once it is of that kind and has these fields."""
    for event in launch.wait(run, poll=0.05):
        if {"kind": kind, **fields}.items() <= event.items() and event == events.read(run)[-1]:
            return event
    raise AssertionError(f"the run ended first: {status(run)}; {log_tail(run)}")


def end(run: Run) -> None:
    for _ in launch.wait(run, poll=0.05):
        pass


def test_a_run_that_waits_for_the_device_stops_when_asked_and_waits_again_when_resumed(run: Run, busy):
    for times in (1, 2):
        (launch.start if times == 1 else launch.resume)(run)
        assert follow(run, "waiting")["behind"] == "another program"
        assert status(run).state == "waiting" and "another program" in status(run).message
        launch.stop(run)
        assert status(run).state == "stopping"
        end(run)
        assert (status(run).state, status(run).step) == ("stopped", 0)
        assert "before its first step" in status(run).message
        assert not run.adapter.exists()
    assert [event["kind"] for event in events.read(run)] == ["launched", "waiting", "stopped"] * 2


def test_a_worker_tells_how_many_go_before_it_and_heeds_a_move(run: Run, busy):
    other = directory.create(Version("sample", "v1", run.path), TrainConfig())
    for each, before in ((run, 0), (other, 1)):
        launch.start(each)
        follow(each, "waiting", before=before)
    assert status(other).message == "Waiting for the device: 1 run is before it."
    queue.move(other, "first")
    for each, before in ((other, 0), (run, 1)):
        follow(each, "waiting", before=before)
    for each in (run, other):
        queue.cancel(each)
        end(each)
        assert status(each).state == "stopped"


def test_a_worker_that_is_killed_while_it_waits_leaves_a_run_to_resume(run: Run, busy):
    pid = launch.start(run)
    follow(run, "waiting")
    os.kill(pid, signal.SIGKILL)
    end(run)
    assert status(run).state == "interrupted" and "resume it" in status(run).message
    launch.resume(run)
    follow(run, "waiting")
    launch.stop(run)
    end(run)
    assert status(run).state == "stopped"


def test_a_run_waits_no_more_as_soon_as_it_has_the_device(home: Path, busy):
    run = directory.create(Version("sample", "v1", home), TrainConfig(model="nowhere"))
    pid = launch.start(run)
    follow(run, "waiting")
    busy.kill()
    follow(run, "preparing")
    os.kill(pid, signal.SIGKILL)
    end(run)


def test_a_worker_asked_to_end_by_the_system_stops_its_run(run: Run, busy):
    pid = launch.start(run)
    follow(run, "waiting")
    os.kill(pid, signal.SIGTERM)
    end(run)
    assert status(run).state == "stopped"


@pytest.mark.parametrize("settings", [{"gpus": "0,99"}, {"gpus": "99"}])
def test_a_run_whose_gpus_are_not_there_is_refused_and_nothing_is_left_of_it(home: Path, settings):
    with pytest.raises(UserError, match="gpus"):
        launch.begin(Version("sample", "v1", home), TrainConfig(**settings))
    assert directory.list_runs() == []


@pytest.mark.parametrize(
    ("gpus", "batch_size", "left"),
    [
        ("1,0", 4, ["1", "0"]),
        ("0,7", 4, ["0"]),
        ("2,7,1,0", 4, ["2", "1"]),  # three cannot share four conversations
        ("7,8", 4, ["0"]),
        ("", 4, ["0"]),
    ],
)
def test_a_run_goes_on_on_those_of_its_gpus_that_are_left_and_can_share_its_steps(nvidia_smi, gpus, batch_size, left):
    nvidia_smi("#!/bin/sh\n" + "".join(f'echo "{n}, GPU-{n}, A GPU, 1000, 1000"\n' for n in range(3)))
    config = TrainConfig(gpus=gpus, batch_size=batch_size, gradient_accumulation=1)
    assert [each.id for each in launch.devices_of(config)] == left


THREE_GPUS = "#!/bin/sh\n" + "".join(f'echo "{n}, GPU-{n}a, A GPU, 1000, 1000"\n' for n in range(3))


def test_a_run_that_any_gpu_will_do_for_goes_on_one_that_nobody_has_or_waits_for(home: Path, nvidia_smi, hold):
    nvidia_smi(THREE_GPUS)
    waits = directory.create(Version("sample", "v1", home), TrainConfig(gpus="1"))
    with hold(places.locks_dir() / "cuda-GPU-0a.lock"), hold(waits.lock_path):
        events.append(waits, "launched", devices=["cuda-GPU-1a"])
        events.append(waits, "waiting", behind="another program", before=0)
        assert [each.id for each in launch.chosen(TrainConfig(), queue.line())] == ["2"]
        assert [each.id for each in launch.chosen(TrainConfig(gpus="1,0"), queue.line())] == ["1", "0"]
        with hold(places.locks_dir() / "cuda-GPU-2a.lock"):
            assert [each.id for each in launch.chosen(TrainConfig(), queue.line())] == ["0"]


@contextmanager
def running(home: Path, hold, gpu: int) -> Iterator[None]:
    """A run that trains on that GPU, as its worker would."""
    run = directory.create(Version("sample", "v1", home), TrainConfig())
    with hold(run.lock_path), hold(places.locks_dir() / f"cuda-GPU-{gpu}a.lock"):
        events.append(run, "launched", devices=[f"cuda-GPU-{gpu}a"])
        events.append(run, "preparing")
        events.append(run, "started")
        yield


def test_a_run_that_any_gpu_will_do_for_waits_for_the_first_that_gets_free(home: Path, nvidia_smi, hold):
    nvidia_smi(THREE_GPUS)
    run = directory.create(Version("sample", "v1", home), TrainConfig(model="nowhere"))
    with running(home, hold, 0), running(home, hold, 2):
        with running(home, hold, 1):
            launch.start(run)
            follow(run, "waiting", before=0)
        end(run)
    launched = [event["devices"] for event in events.read(run) if event["kind"] == "launched"]
    assert launched == [["cuda-GPU-0a"], ["cuda-GPU-1a"]]
    assert "nowhere" in status(run).message  # its worker was started


def test_a_run_of_a_gpu_is_not_resumed_on_the_cpu(run: Run, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    events.append(run, "launched", devices=["cuda-GPU-0a"])
    with pytest.raises(UserError, match="there is none now"):
        launch.resume(run)


@pytest.mark.parametrize(("visible", "given"), [(None, "0"), ("2,1", "2"), ("GPU-1a,1", "GPU-1a"), ("", "")])
def test_a_worker_sees_one_gpu_at_most(run: Run, hold, nvidia_smi, monkeypatch, visible: str | None, given: str):
    """TRL's trainer refuses to start where several GPUs are visible to one process."""
    nvidia_smi(THREE_GPUS)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert launch.environment(launch.devices_of(run.config.train))["CUDA_VISIBLE_DEVICES"] == given


def test_a_run_that_is_stopped_before_its_process_is_up_loads_nothing(home: Path):
    run = directory.create(Version("sample", "v1", home), TrainConfig(model="nowhere"))
    run.stop_path.touch()
    subprocess.run([sys.executable, "-m", "ft.train.worker", str(run.path)], check=True)
    assert [event["kind"] for event in events.read(run)] == ["stopped"]


def test_what_a_live_run_needs_is_not_taken_from_it(run: Run, hold):
    events.append(run, "launched")
    events.append(run, "started", steps=9)
    with hold(run.lock_path):
        with pytest.raises(UserError, match=r"it is running\. Stop it first"):
            deletion.delete(run)
        with pytest.raises(UserError, match="it is running already"):
            launch.resume(run)
    assert directory.list_runs() == [run]
    assert [event["kind"] for event in events.read(run)] == ["launched", "started"]


def test_a_run_whose_process_is_on_its_way_is_not_started_again_and_not_deleted(run: Run):
    events.append(run, "launched")
    for refused in (launch.resume, deletion.delete):
        with pytest.raises(UserError, match="it is queued"):
            refused(run)
    assert run.path.exists()


@pytest.mark.parametrize("kind", ["finished", "stopped", "failed"])
def test_a_run_that_has_ended_cannot_be_stopped(run: Run, kind: str):
    events.append(run, "launched")
    events.append(run, kind, step=3)
    with pytest.raises(UserError, match=f"it is {kind}, so there is nothing to stop"):
        launch.stop(run)
    assert not run.stop_path.exists()


def test_a_finished_run_is_not_resumed(run: Run):
    events.append(run, "launched")
    events.append(run, "finished", step=3)
    with pytest.raises(UserError, match="it is finished"):
        launch.resume(run)


def test_a_deleted_run_is_gone_with_all_that_was_in_it_and_no_other_is(run: Run):
    other = directory.create(Version("sample", "v1", run.path), TrainConfig())
    events.append(run, "launched")
    events.append(run, "stopped", step=3)
    (run.checkpoints / "checkpoint-3").mkdir(parents=True)
    deletion.delete(run)
    assert directory.list_runs() == [other]
    assert list(places.runs_dir().iterdir()) == [other.path]


def test_two_who_look_at_a_dead_run_at_once_do_not_take_each_other_for_its_worker(run: Run):
    run.lock_path.touch()
    with subprocess.Popen([sys.executable, "-c", PROBE, str(run.path)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None and other.stdout.readline() == "probing\n"
            assert sum(is_locked(run) for _ in range(2000)) == 0
            assert other.poll() is None
        finally:
            other.kill()
