"""A stop ends a run wherever it comes, and loses nothing: real workers, in which somebody presses Stop just then.

What a person does at one moment is done by the worker itself, at the call that stands for that moment.
"""

import functools
import importlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from going import end, finished, follow
from safetensors.torch import load_file

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import SAMPLE_NAME, sample_file
from ft.runs import checkpoints, directory, events, launch, stopping
from ft.runs.directory import Run
from ft.runs.status import is_locked, status, summary
from ft.train.worker import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]


def pressed(words: list[str]) -> int:
    """A worker in which Stop is pressed at that call of a function; where it `hangs` the function never returns."""
    folder, module, name, call, hangs = words
    owner, _, function = name.rpartition(".")
    place = importlib.import_module(module)
    place = getattr(place, owner) if owner else place
    original = getattr(place, function)
    calls = 0

    @functools.wraps(original)
    def press(*given, **named):
        nonlocal calls
        calls += 1
        if calls == int(call):
            Path(folder, "stop").touch()
            if hangs == "hangs":
                time.sleep(3600)
        return original(*given, **named)

    setattr(place, function, press)
    return main([folder])


TRAINER = ("ft.train.trainer", "ResponseTrainer.training_step")
VALIDATION = ("ft.train.trainer", "ResponseTrainer.prediction_step")
REPLY = ("transformers", "LlamaForCausalLM.prepare_inputs_for_generation")
SAME = {"lora_dropout": 0.2, "batch_size": 1, "max_steps": 8, "eval_steps": 4, "epochs": 100, "probes": 2}
# Of SAME: six held-out conversations, so six batches a validation and one before training; 64 tokens at most a reply.


@pytest.fixture
def press_stop(forked):
    """`press_stop(run, where, call, hangs)`: train the run in such a worker, until it has ended."""

    def train(run: Run, where: tuple[str, str], call: int, hangs: str = "") -> None:
        started = psutil.Process(forked.start("test_stopping:pressed", run, *where, str(call), hangs))
        psutil.wait_procs([started])
        assert not is_locked(run)

    return train


def told(run: Run, kind: str) -> list[dict]:
    return [event for event in events.standing(events.read(run)) if event["kind"] == kind]


@pytest.mark.parametrize(
    ("where", "call", "hangs"),
    [
        (("ft.train.train", "load_base"), 1, "hangs"),
        (("ft.train.train", "encode"), 1, "hangs"),
        (REPLY, 3, ""),
        (VALIDATION, 2, ""),
        (VALIDATION, 2, "hangs"),
        (TRAINER, 1, "hangs"),
    ],
    ids=["loading", "tokenizing", "sample-questions", "validation", "a-batch-that-hangs", "first-step"],
)
def test_a_stop_before_the_first_step_ends_the_run_there_and_then(tiny_run, press_stop, where, call, hangs):
    run = tiny_run(**SAME)
    press_stop(run, where, call, hangs)
    assert status(run).state == "stopped" and "before its first step" in status(run).message
    assert not told(run, "step") and not is_locked(run)
    assert bool(told(run, "probe")) == (where in (VALIDATION, TRAINER))
    assert bool(told(run, "validation")) == (where is TRAINER)
    assert not run.adapter.exists() and not checkpoints.folders(run.checkpoints)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_model) -> Iterator[Run]:
    """A run of the same settings that nobody stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIDETUNE_HOME", str(tmp_path_factory.mktemp("home")))
        config = TrainConfig().with_settings({"model": tiny_model, "lora_rank": 4, "learning_rate": 1e-2, **SAME})
        yield finished(directory.create(save(stage([sample_file()]), SAMPLE_NAME), config))


@pytest.mark.parametrize(
    ("where", "call", "step"),
    [(VALIDATION, 6 + 2, 4), (VALIDATION, 12 + 2, 8), (TRAINER, 4, 4), (TRAINER, 8, 8)],
    ids=["validation", "last-validation", "step-before-a-validation", "last-step"],
)
def test_a_stop_saves_where_it_is_and_the_run_goes_on_as_if_nobody_had_stopped_it(
    whole, tiny_run, press_stop, where, call, step
):
    stopped = tiny_run(**SAME)
    press_stop(stopped, where, call)
    assert status(stopped).state == "stopped" and status(stopped).step == step
    newest, damaged = checkpoints.last_whole(stopped.checkpoints)
    assert newest is not None and checkpoints.step(newest) == step and not damaged
    assert [each["step"] for each in told(stopped, "validation")] == [n for n in (0, 4, 8) if n < step]
    assert not any(each["kept"] for each in told(stopped, "probe"))
    launch.resume(stopped)
    end(stopped)
    assert status(stopped).state == "finished", status(stopped).message
    for kind, figure in (("step", "loss"), ("step", "step"), ("validation", "loss"), ("validation", "step")):
        assert [e[figure] for e in told(stopped, kind)] == [e[figure] for e in told(whole, kind)], (kind, figure)
    assert summary(stopped)["best_step"] == summary(whole)["best_step"]
    ours, theirs = (load_file(run.adapter / "adapter_model.safetensors") for run in (stopped, whole))
    assert ours.keys() == theirs.keys() and all(ours[name].equal(theirs[name]) for name in ours)


def test_a_stop_while_the_last_questions_are_answered_takes_nothing_from_a_run_that_has_learned_all(
    whole, tiny_run, press_stop
):
    run = tiny_run(**SAME)
    assert [each["kept"] for each in told(whole, "probe")] == [False, True]
    press_stop(run, ("ft.train.probes", "Probes._replies"), 2)
    assert status(run).state == "finished" and summary(run)["adapter"]
    assert [each["kept"] for each in told(run, "probe")] == [False]
    assert "left out, as it was asked to stop" in "".join(str(each.get("what")) for each in told(run, "doing"))


def test_stop_now_ends_a_step_that_never_ends_and_the_run_goes_on_from_its_last_checkpoint(tiny_run, forked):
    run = tiny_run(**SAME)
    started = psutil.Process(forked.start("test_stopping:pressed", run, *TRAINER, "6", "hangs"))
    follow(run, "step", 5)
    stopping.stop_now(run)
    psutil.wait_procs([started])
    now = status(run)
    assert (now.state, now.step) == ("stopped", 5) and "last checkpoint" in now.message
    assert [checkpoints.step(each) for each in checkpoints.folders(run.checkpoints)] == [4]
    launch.resume(run)
    end(run)
    assert status(run).state == "finished" and told(run, "started")[-1]["resumed_from"] == 4


def test_a_run_says_what_it_does_between_its_steps(whole):
    run = whole
    doing = [event["what"] for event in events.read(run) if event["kind"] == "doing"]
    assert doing.count("Answering the sample questions") == len(told(run, "probe"))
    assert doing.count("Validating") >= len(told(run, "validation")) == 3
    assert {event["batches"] for event in events.read(run) if event.get("batch")} == {6}
    assert "Validating, batch 1 of 6" in run.log_path.read_text()
