"""The measurement for GPUs runs from end to end on its tiny shape, also without a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}


def measured(*given: str) -> dict:
    command = [sys.executable, "bench/gpu_train.py", "--json", *given]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **WITHOUT_GPU}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_both_ways_train_on_the_same_tokens(embedded_model: Path, tmp_path: Path):
    given = ("--shape", "tiny", "--length", "96", "--batch", "2", "--steps", "2", "--weights", str(tmp_path), "--mixed")
    found = measured(*given, "--only", "a,b")
    assert 0 < found["a"]["tokens"] == found["b"]["tokens"] < 2 * 2 * 96
    assert 0 < found["b"]["trained_tokens"] < found["a"]["trained_tokens"] < found["a"]["tokens"]
    assert found["a"]["tokens_per_second"] > 0 and found["a"]["peak_bytes"] > 0
    assert found["a"]["mfu"] is None and found["device"].startswith("CPU")


def test_a_model_whose_files_are_holes_is_loaded_like_any_other(embedded_model: Path, tmp_path: Path):
    found = measured("--shape", "tiny", "--load-only", "--weights", str(tmp_path))
    assert found["load"]["held_bytes"] > 49_152 * 64 * 4  # the embeddings alone
    files = list((tmp_path / "tiny-hollow").glob("*.safetensors"))
    assert sum(file.stat().st_blocks * 512 for file in files) < sum(file.stat().st_size for file in files) / 4


def test_a_large_shape_is_refused_in_words_without_a_gpu(embedded_model: Path):
    done = subprocess.run(
        [sys.executable, "bench/gpu_train.py", "--shape", "8b"],
        cwd=ROOT,
        env={**os.environ, **WITHOUT_GPU},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "--shape tiny runs without one" in done.stderr
