"""What training does on a GPU that it does not do on a CPU: memory that runs out, kernels that are installed."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ft.dataset import versions
from ft.dataset.build import SourceFile, save, stage
from ft.runs import events, launch
from ft.runs.directory import Run
from ft.runs.status import status
from ft.train.trial import trial

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
VOCABULARY = 49_152  # of the default model


def finished(run: Run) -> Run:
    launch.start(run)
    for _ in launch.wait(run, poll=0.1):
        pass
    assert status(run).state == "finished", status(run).message
    return run


def losses(run: Run) -> list[float]:
    return [event["loss"] for event in events.standing(events.read(run)) if event["kind"] == "step"]


def peak(run: Run) -> int:
    return json.loads(run.receipt_path.read_text())["peak_memory_bytes"]


def test_computing_again_takes_less_memory_and_learns_the_same(gpu_run: Callable[..., Run]):
    off, light, full = (finished(gpu_run(checkpointing=mode)) for mode in ("off", "light", "full"))
    assert peak(full) < peak(light) < 0.9 * peak(off)
    assert losses(light) == pytest.approx(losses(off), rel=0.01)
    assert losses(full) == pytest.approx(losses(off), rel=0.01)


def test_label_smoothing_is_in_the_training_loss_and_validation_stays_the_plain_one(gpu_run: Callable[..., Run]):
    plain, smooth = (finished(gpu_run(label_smoothing=share, max_steps=1)) for share in (0.0, 0.2))
    # The mean over all tokens of -log p is at least that of the even distribution, log(vocabulary).
    assert losses(smooth)[0] > 0.8 * losses(plain)[0] + 0.2 * math.log(VOCABULARY) * 0.99
    before = [
        next(event["loss"] for event in events.read(run) if event["kind"] == "validation") for run in (plain, smooth)
    ]
    assert before[0] == pytest.approx(before[1], rel=1e-3)


SMALL_GPU = """
import sys
import torch
from ft.train.worker import main

torch.cuda.set_per_process_memory_fraction(float(sys.argv[2]) / torch.cuda.get_device_properties(0).total_memory)
sys.exit(main([sys.argv[1]]))
"""


def test_where_the_gpu_s_memory_runs_out_the_run_goes_on_with_smaller_batches_and_the_same_steps(
    gpu_run: Callable[..., Run],
):
    roomy = finished(gpu_run(checkpointing="off"))
    narrow = finished(gpu_run(checkpointing="off", batch_size=2, gradient_accumulation=8))
    assert peak(narrow) < 0.5 * peak(roomy)
    tight, limit = gpu_run(checkpointing="off"), (peak(narrow) + peak(roomy)) // 2
    subprocess.run(
        [sys.executable, "-c", SMALL_GPU, str(tight.path), str(limit)], check=True, env=launch.environment(), cwd=ROOT
    )
    assert status(tight).state == "finished", status(tight).message
    smaller = [event for event in events.read(tight) if event["kind"] == "smaller_batch"]
    assert smaller and smaller[0]["was"] == 16
    assert all(event["batch_size"] * event["gradient_accumulation"] == 16 for event in smaller)
    assert peak(tight) <= limit
    assert losses(tight) == pytest.approx(losses(roomy), rel=0.02)


def test_a_trial_finds_what_fits_on_the_gpu(gpu_run: Callable[..., Run], tmp_path: Path):
    """A quarter of a million tokens at once: hundreds of GB where everything is kept, and much less where it is not."""
    line = json.dumps({"messages": [{"role": "user", "content": "go"}, {"role": "assistant", "content": "la " * 1900}]})
    (tmp_path / "long.jsonl").write_text("\n".join([line] * 128))
    dataset = save(stage([SourceFile(tmp_path / "long.jsonl", "long.jsonl")], validation_fraction=0), "long")
    asked = gpu_run(checkpointing="off", batch_size=128, max_length=2048).config.train
    found = trial(dataset, asked)
    assert not found.attempts[0].fits
    fitting = found.fitting
    assert fitting is not None and fitting.peak_bytes is not None and fitting.tokens_per_second is not None
    assert 0 < fitting.peak_bytes <= found.room_bytes and fitting.tokens_per_second > 0
    assert found.changes["checkpointing"] in ("light", "full")


def test_a_run_that_was_tried_first_takes_no_more_memory_than_the_trial_said(gpu_run: Callable[..., Run]):
    run = gpu_run(max_steps=1)
    (attempt,) = trial(versions.find(f"{run.config.dataset}@{run.config.version}"), run.config.train).attempts
    assert attempt.fits and attempt.peak_bytes is not None
    assert peak(finished(run)) <= attempt.peak_bytes


SAME_MODEL = """
import json
import torch
from ft.config import DEFAULT_MODEL, TrainConfig
from ft.models.load import load_base
from ft.train.assemble import put_adapter

base = load_base(DEFAULT_MODEL, "qlora")
ids = torch.arange(1, 201, device="cuda").reshape(4, 50)
seen = torch.ones_like(ids)
seen[1, 30:] = seen[2, 10:] = 0
with torch.no_grad():
    before = base.model(input_ids=ids, attention_mask=seen, use_cache=False).logits[seen.bool()].float()
    model = put_adapter(base, TrainConfig()).eval()
    after = model(input_ids=ids, attention_mask=seen, use_cache=False).logits[seen.bool()].float()
print(json.dumps({"difference": float((after - before).norm() / before.norm())}))
"""


def test_the_kernels_that_are_installed_leave_the_model_what_it_is(embedded_model: Path):
    """Flash attention and Liger's layers where their packages are, padded rows among the others. In a process of its
    own: Liger changes the model's code for all of it."""
    done = subprocess.run([sys.executable, "-c", SAME_MODEL], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["difference"] < 0.05


def test_the_bench_measures_both_ways_and_how_much_of_the_gpu_they_use(embedded_model: Path):
    command = [sys.executable, "bench/gpu_train.py", "--shape", "tiny", "--length", "256", "--steps", "2", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    for way in ("a", "b"):
        assert found[way]["tokens"] == 2 * 4 * 256 and found[way]["tokens_per_second"] > 0
        assert (found[way]["peak_bytes"] > 0 and found[way]["mfu"] is None) or 0 < found[way]["mfu"] < 1
