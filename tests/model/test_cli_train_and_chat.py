"""sidetune train and sidetune chat with the small real model: what they promise to scripts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ft.cli import main

pytestmark = pytest.mark.slow


def test_a_dataset_is_trained_on_and_both_models_answer(embedded_model, tmp_path, capsys):
    def printed(*words: str) -> dict:
        status = main([*words, "--json"])
        out = capsys.readouterr().out
        assert status == 0, out
        return json.loads(out)

    records = [{"instruction": f"Say {n}", "output": f"As you wish: {n}."} for n in range(12)]
    (tmp_path / "chats.json").write_text(json.dumps(records))
    printed("convert", str(tmp_path / "chats.json"), "--name", "mine")

    trained = printed("train", "mine", "--max-steps", "2", "--set", "batch_size=2", "--set", "max_length=128")
    assert (trained["status"], trained["steps"]) == ("finished", 2)
    for figure in ("tokens_per_second", "trained_tokens", "loss", "peak_memory_bytes"):
        assert trained[figure] > 0
    assert 0 < trained["validation_loss_after"] < trained["validation_loss_before"]
    assert trained["best_step"] in (1, 2)
    assert (Path(trained["adapter"]) / "adapter_model.safetensors").is_file()
    shown = printed("runs", trained["run"])
    assert {key: shown[key] for key in trained} == trained

    pair = printed("chat", "latest", "--prompt", "Say 3", "--max-new-tokens", "4", "--temperature", "0")
    assert {"base", "tuned", "seconds", "base_is_base", "first_token_kl"} <= set(pair)
    for side in ("base", "tuned"):
        assert pair[side]["text"] and 1 <= pair[side]["tokens"] <= 4 and pair[side]["seconds"] > 0
    assert pair["seconds"] > 0
    assert pair["base_is_base"] is True
    assert pair["first_token_kl"] > 0


def test_a_detached_run_can_be_stopped_and_resumed_to_its_end(home, tiny_model, tmp_path, capsys):
    records = [{"instruction": f"Say {n}", "output": f"As you wish: {n}."} for n in range(12)]
    (tmp_path / "chats.json").write_text(json.dumps(records))
    assert main(["convert", str(tmp_path / "chats.json"), "--name", "mine", "--json"]) == 0
    few = ["--model", tiny_model, "--max-steps", "2", "--set", "batch_size=1"]
    assert main(["train", "mine", *few, "--detach", "--json"]) == 0
    assert main(["stop", "latest"]) == 0
    capsys.readouterr()
    assert main(["stop", "nosuch"]) == 1
    status = ""
    while main(["runs", "latest", "--json"]) == 0:
        status = json.loads(capsys.readouterr().out)["status"]
        if status not in ("queued", "preparing", "running", "stopping"):
            break
        time.sleep(0.2)
    assert status == "stopped"
    assert main(["resume", "latest", "--json"]) == 0
    resumed = json.loads(capsys.readouterr().out)
    assert (resumed["status"], resumed["step"]) == ("finished", 2)
