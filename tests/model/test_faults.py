"""What can go wrong in the middle of a run, and that nothing of it is lost: real workers, killed and starved."""

import json
import resource

import psutil
import pytest
from going import end, finished, follow, worker
from safetensors.torch import load_file

from ft.runs import checkpoints, events, launch
from ft.runs.directory import Run
from ft.runs.status import status, summary
from ft.train import trainer
from ft.train.worker import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]


def kill(run: Run) -> None:
    process = worker(run)
    process.kill()
    psutil.wait_procs([process], timeout=10)


def ended(process: int) -> None:
    """Wait until that process is gone."""
    psutil.wait_procs([psutil.Process(process)])


def told(run: Run, kind: str) -> list[dict]:
    return [event for event in events.standing(events.read(run)) if event["kind"] == kind]


def require_same(ours: Run, theirs: Run) -> None:
    """The same curves and the same weights, to the bit."""
    for kind, figure in (("step", "loss"), ("step", "grad_norm"), ("step", "learning_rate"), ("validation", "loss")):
        assert [e[figure] for e in told(ours, kind)] == [e[figure] for e in told(theirs, kind)], (kind, figure)
    one, other = (load_file(run.adapter / "adapter_model.safetensors") for run in (ours, theirs))
    assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def test_a_run_that_was_killed_ends_with_the_very_weights_of_one_that_was_not(tiny_run):
    """To the bit, and with the same losses: the same data order, dropout, optimiser, schedule and patience."""
    settings = {"save_steps": 4, "lora_dropout": 0.2, "epochs": 2, "max_steps": 0, "batch_size": 2, "eval_steps": 5}
    whole, killed = finished(tiny_run(**settings)), tiny_run(**settings)
    launch.start(killed)
    follow(killed, "step", 13)
    kill(killed)
    assert status(killed).state == "interrupted"
    launch.resume(killed)
    follow(killed, "step", 33)  # in the second epoch, between two checkpoints
    launch.stop(killed)
    end(killed)
    launch.resume(killed)
    end(killed)
    assert status(killed).state == "finished"
    assert summary(whole)["steps"] == 54 and told(killed, "started")[-1]["resumed_from"] >= 33
    require_same(killed, whole)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again_as_one_that_was_not(tiny_run):
    settings = {"lora_dropout": 0.2, "max_steps": 30, "eval_steps": 25}
    whole, killed = finished(tiny_run(**settings)), tiny_run(**settings)
    launch.start(killed)
    follow(killed, "step", 2)
    kill(killed)
    assert not checkpoints.folders(killed.checkpoints)
    launch.resume(killed)
    end(killed)
    assert status(killed).state == "finished" and told(killed, "started")[-1]["resumed_from"] is None
    require_same(killed, whole)


def test_a_damaged_newest_checkpoint_is_said_and_the_one_before_it_is_gone_on_from(tiny_run):
    run = tiny_run(max_steps=400, eval_steps=4)
    launch.start(run)
    follow(run, "checkpoint", 12)
    kill(run)
    newest = checkpoints.folders(run.checkpoints)[-1]
    optimizer = newest / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:-100] + bytes(100))
    before = checkpoints.folders(run.checkpoints)[-2]
    launch.resume(run)
    started = follow(run, "damaged") and follow(run, "started", 1)
    launch.stop(run)
    end(run)
    assert started["resumed_from"] == checkpoints.step(before) < checkpoints.step(newest)
    assert newest.name in run.log_path.read_text()


def test_a_run_whose_every_checkpoint_is_torn_begins_again(tiny_run):
    run = tiny_run(max_steps=400, eval_steps=4)
    launch.start(run)
    follow(run, "checkpoint", 4)
    kill(run)
    for folder in checkpoints.folders(run.checkpoints):
        (folder / checkpoints.SEAL).unlink()  # as where the power fails before it is written
    launch.resume(run)
    follow(run, "damaged")
    assert follow(run, "step")["step"] >= 1
    launch.stop(run)
    end(run)
    assert told(run, "started")[-1]["resumed_from"] is None and status(run).state == "stopped"


def test_the_best_the_newest_and_one_more_checkpoint_are_kept(tiny_run):
    run = finished(tiny_run(max_steps=24, eval_steps=2, early_stopping_patience=0))
    kept = {checkpoints.step(folder) for folder in checkpoints.folders(run.checkpoints)}
    assert kept == {22, 24, summary(run)["best_step"]}
    assert all(checkpoints.is_whole(folder) for folder in checkpoints.folders(run.checkpoints))


def on_a_full_disk(words: list[str]) -> int:
    """A worker for which no file may become larger than 20 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))
    return main(words)


def test_a_full_disk_ends_the_run_in_words_and_it_goes_on_once_there_is_room(tiny_run, forked):
    run = tiny_run(max_steps=12, eval_steps=4)
    ended(forked.start("test_faults:on_a_full_disk", run))
    failed = status(run)
    assert failed.state == "failed" and "checkpoint of step 4: it could not be written" in failed.message
    assert "Free disk space, then resume" in failed.message
    assert not checkpoints.folders(run.checkpoints)
    launch.resume(run)
    end(run)
    assert status(run).state == "finished" and status(run).step == 12


def test_a_loss_that_is_worse_than_guessing_ends_the_run_with_the_step_and_its_conversations(tiny_run, touchy_model):
    run = tiny_run(model=touchy_model, learning_rate=1.0, max_steps=60, eval_steps=50, schedule="constant")
    launch.start(run)
    end(run)
    failed = status(run)
    assert failed.state == "failed" and "the model diverged" in failed.message
    assert "guessing at random among 49,152 tokens costs less" in failed.message
    assert "sample.jsonl, record" in failed.message and "lower learning rate, for example 7.4e-3" in failed.message
    assert failed.message.startswith(f"step {failed.step}: ")
    assert not run.adapter.exists()


def on_a_small_device(words: list[str]) -> int:
    """A worker on a device that holds 8 conversations at most, from its fifth step on."""
    step = trainer.ResponseTrainer.training_step

    def small(self, model, inputs, *given):
        if len(inputs["input_ids"]) > 8 and self.state.global_step >= 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory")
        return step(self, model, inputs, *given)

    trainer.ResponseTrainer.training_step = small
    return main(words)


def test_where_memory_runs_out_the_run_goes_on_with_smaller_batches_and_the_same_steps(tiny_run, forked):
    """The device is a fake that holds 8 conversations at most; a real one is in the tests of the GPU."""
    settings = {"batch_size": 16, "max_steps": 9, "eval_steps": 3, "lora_dropout": 0.0, "epochs": 3}
    roomy, tight = finished(tiny_run(**settings)), tiny_run(**settings)
    ended(forked.start("test_faults:on_a_small_device", tight))
    assert status(tight).state == "finished", status(tight).message
    (smaller,) = [event for event in events.read(tight) if event["kind"] == "smaller_batch"]
    assert (smaller["batch_size"], smaller["gradient_accumulation"], smaller["was"]) == (8, 2, 16)
    assert told(tight, "started")[-1]["resumed_from"] == 3
    losses = [[e["loss"] for e in told(run, "step")] for run in (tight, roomy)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert json.loads(tight.receipt_path.read_text())["steps"] == 9


def test_a_run_goes_on_in_the_number_format_that_it_began_in(tiny_run):
    """What is fastest is measured at the start, and may come out differently on a machine that is busy."""
    other = {"bfloat16": "float32", "float32": "bfloat16"}
    run = tiny_run(max_steps=8, eval_steps=4)
    launch.start(run)
    follow(run, "checkpoint", 4)
    kill(run)
    (began,) = told(run, "started")
    fast = began["dtype"].rpartition(" ")[2]
    swapped = run.events_path.read_text().replace(f'"nf4 in {fast}"', f'"nf4 in {other[fast]}"')
    run.events_path.write_text(swapped)  # as if it had begun in the other
    launch.resume(run)
    end(run)
    assert status(run).state == "finished"
    assert told(run, "started")[-1]["dtype"] == f"nf4 in {other[fast]}"
