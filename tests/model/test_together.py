"""Two processes that train one run together: what they learn is what one learns, and nothing of a run is lost.

There is no GPU in these: two processes with gloo on the CPU, started by what starts one for each GPU.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import psutil
import pytest
from filelock import FileLock
from going import end, finished, follow, worker
from safetensors.torch import load_file

from ft.runs import checkpoints, events, launch
from ft.runs.directory import Run
from ft.runs.status import is_locked, status, summary
from ft.train import together

pytestmark = pytest.mark.slow

TWO_GPUS = """#!/bin/sh
echo "0, GPU-aa, A GPU, 1000, 1000"
echo "1, GPU-bb, A GPU, 1000, 1000"
"""
SAME = {"lora_dropout": 0.0, "batch_size": 4, "gradient_accumulation": 2, "epochs": 2, "max_steps": 0, "eval_steps": 5}


@pytest.fixture
def two_gpus(nvidia_smi) -> None:
    """A machine that says it has two GPUs, for those who choose among them; torch finds none, and takes the CPU."""
    nvidia_smi(TWO_GPUS)


def told(run: Run, kind: str, figure: str) -> list:
    return [event[figure] for event in events.standing(events.read(run)) if event["kind"] == kind]


def machine(number: int, port: int, run: Run) -> subprocess.Popen[str]:
    """What is started on machine `number` of two, with one process on each."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "2"]
    where = ["--machine_rank", str(number), "--main_process_ip", "127.0.0.1", "--main_process_port", str(port)]
    plain = ["--num_processes", "2", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command = [*launcher, *where, *plain, "-m", "ft.train.worker", str(run.path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_two_machines_learn_what_one_process_learns(tiny_run, monkeypatch):
    """With the same conversations in each step, in the last one of an epoch too, which has fewer."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one, two = finished(tiny_run(**SAME, probes=1)), tiny_run(**SAME, probes=1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    machines = [machine(number, port, two) for number in (0, 1)]
    said = [each.communicate(timeout=300)[0] for each in machines]
    assert [each.returncode for each in machines] == [0, 0], said[0][-3000:]
    assert status(two).state == "finished"
    for kind, figure in (
        ("step", "loss"),
        ("step", "grad_norm"),
        ("validation", "loss"),
        ("validation", "token_accuracy"),
    ):
        assert told(two, kind, figure) == pytest.approx(told(one, kind, figure), rel=2e-3), (kind, figure)
    assert told(two, "step", "step") == told(one, "step", "step") and summary(one)["steps"] > 2
    assert told(two, "step", "learning_rate") == told(one, "step", "learning_rate")
    assert told(two, "data", "tokens") == told(one, "data", "tokens")
    assert told(two, "started", "device")[0].endswith(", and 1 more")
    assert summary(two)["best_step"] == summary(one)["best_step"]
    assert [event["step"] for event in events.read(two) if event["kind"] == "probe"] == told(one, "probe", "step")


def test_a_run_on_two_gpus_that_is_killed_ends_as_one_that_was_not(tiny_run, two_gpus):
    settings = {**SAME, "epochs": 3, "gpus": "0,1", "lora_dropout": 0.2, "early_stopping_patience": 0}
    whole, killed = finished(tiny_run(**settings)), tiny_run(**settings)
    launch.start(killed)
    follow(killed, "step", 12)
    first = worker(killed)
    there = first.children(recursive=True)
    first.kill()
    assert not psutil.wait_procs(there, timeout=20)[1]  # nobody goes on alone
    assert status(killed).state == "interrupted"
    assert checkpoints.last_whole(killed.checkpoints)[0]
    launch.resume(killed)
    end(killed)
    assert status(killed).state == "finished", status(killed).message
    assert told(killed, "started", "resumed_from")[-1] >= 5
    assert told(killed, "step", "loss") == told(whole, "step", "loss")
    ours, theirs = (load_file(run.adapter / "adapter_model.safetensors") for run in (killed, whole))
    assert ours.keys() == theirs.keys() and all(ours[name].equal(theirs[name]) for name in ours)


def test_a_run_of_two_gpus_goes_on_on_the_one_that_is_left_with_the_same_steps(tiny_run, two_gpus, tmp_path):
    run = tiny_run(**SAME, gpus="0,1", early_stopping_patience=0)
    launch.start(run)
    follow(run, "step", 6)
    launch.stop(run)
    end(run)
    (tmp_path / "bin" / "nvidia-smi").write_text(TWO_GPUS.replace('echo "1', 'true "1'))
    launch.resume(run)
    end(run)
    assert status(run).state == "finished", status(run).message
    assert [device.endswith("and 1 more") for device in told(run, "started", "device")] == [True, False]
    assert told(run, "step", "step") == list(range(1, summary(run)["steps"] + 1))


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_befalls_one_of_two_processes_ends_the_run_with_its_reason(tiny_run, touchy_model, two_gpus, by_hand):
    ruinous = {"learning_rate": 1.0, "schedule": "constant", "max_steps": 60, "eval_steps": 50}
    run = tiny_run(model=touchy_model, **ruinous, gpus="" if by_hand else "0,1")
    if by_hand:
        assert subprocess.run([*TORCHRUN, "-m", "ft.train.worker", str(run.path)], capture_output=True).returncode
    else:
        launch.start(run)
        end(run)
    failed = status(run)
    assert failed.state == "failed" and "the model diverged" in failed.message
    assert "sample.jsonl, record" in failed.message
    assert [event["kind"] for event in events.read(run)].count("failed") == 1
    deadline = time.monotonic() + 10
    while is_locked(run) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_locked(run)


def test_processes_that_are_started_by_hand_while_others_train_the_run_leave_it_alone(tiny_run):
    run = tiny_run()
    events.append(run, "launched", time=time.time() - 600)
    events.append(run, "step", step=1)
    before = run.events_path.read_text()
    with FileLock(run.lock_path):
        assert subprocess.run([*TORCHRUN, "-m", "ft.train.worker", str(run.path)], capture_output=True).returncode
        assert run.events_path.read_text() == before


SMALL_DEVICE = """
import sys
from ft.train import trainer
from ft.train.ranks import rank
from ft.train.worker import main

step = trainer.ResponseTrainer.training_step

def small(self, model, inputs, *given):
    if rank() and len(inputs["input_ids"]) > 2 and self.state.global_step >= 4:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")
    return step(self, model, inputs, *given)

trainer.ResponseTrainer.training_step = small
sys.exit(main(sys.argv[1:]))
"""


def test_where_memory_runs_out_in_one_process_all_go_on_with_smaller_batches(tiny_run, tmp_path, monkeypatch):
    """The second device is a fake that holds 2 conversations at most."""
    script = tmp_path / "small.py"
    script.write_text(SMALL_DEVICE)
    run = tiny_run(batch_size=8, max_steps=6, eval_steps=3, epochs=3)
    monkeypatch.setattr(together, "command", lambda run, _: [*TORCHRUN, str(script), str(run.path)])
    with FileLock(run.lock_path):
        together.start(run, 2)
    assert status(run).state == "finished", status(run).message
    (smaller,) = [event for event in events.read(run) if event["kind"] == "smaller_batch"]
    assert (smaller["batch_size"], smaller["gradient_accumulation"], smaller["was"]) == (2, 2, 4)
    assert told(run, "started", "resumed_from")[-1] == 3 and told(run, "step", "step") == [1, 2, 3, 4, 5, 6]
