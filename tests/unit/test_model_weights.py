"""Weights that are not whole are named by their file, before a run is started with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fake_hub import Hub, Repo
from safetensors.numpy import save
from stranger import publish

from ft.cli import main
from ft.errors import UserError
from ft.models import catalogue
from ft.models.load import load_base, place

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
SMALL = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 384}
DAMAGE = {
    "missing": lambda shard: shard.unlink(),
    "empty": lambda shard: shard.write_bytes(b""),
    "cut at its end": lambda shard: shard.write_bytes(shard.read_bytes()[:-100]),
    "cut in its header": lambda shard: shard.write_bytes(shard.read_bytes()[:20]),
    "something else": lambda shard: shard.write_bytes(b"version https://git-lfs.github.com/spec/v1\n" * 9),
    "a folder": lambda shard: (shard.unlink(), shard.mkdir()),
}


def model(folder: Path, shards: bool) -> tuple[str, Path]:
    """A model's folder, and one of the files of its weights."""
    publish(folder, config={"architectures": ["LlamaForCausalLM"], "model_type": "llama", **SMALL})
    if not shards:
        (folder / "model.safetensors").write_bytes(save({"a": np.ones(99)}))
        return str(folder), folder / "model.safetensors"
    (folder / "model.safetensors").unlink()
    for name in SHARDS:
        (folder / name).write_bytes(save({name: np.ones(99)}))
    index = {"weight_map": {name: name for name in SHARDS}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return str(folder), folder / SHARDS[1]


@pytest.mark.parametrize("how", DAMAGE)
def test_a_shard_that_is_not_whole_is_named_before_a_run_is_made(home, tmp_path, how):
    folder, shard = model(tmp_path / "model", shards=True)
    assert catalogue.resolve(folder).ready
    DAMAGE[how](shard)
    with pytest.raises(UserError) as refused:
        catalogue.resolve(folder)
    assert refused.value.given == f"{shard.name} of the model {folder}"
    assert "missing" in refused.value.why if how == "missing" else "damaged" in refused.value.why
    assert "Copy or download that file again" in refused.value.todo


def test_weights_in_one_file_that_were_not_copied_whole_are_named(home, tmp_path, capsys):
    folder, weights = model(tmp_path / "model", shards=False)
    DAMAGE["cut at its end"](weights)
    chats = tmp_path / "chats.jsonl"
    chats.write_text("\n".join(json.dumps({"prompt": f"Q {n}?", "completion": f"A {n}."}) for n in range(9)))
    assert main(["convert", str(chats), "--name", "chats"]) == 0
    assert main(["train", "chats", "--model", folder]) == 1
    assert "model.safetensors of the model" in capsys.readouterr().err
    assert not (home / "runs").exists()


def test_what_is_torn_in_the_hubs_cache_is_told_with_what_to_delete(hub: Hub, tmp_path):
    folder, _ = model(tmp_path / "model", shards=False)
    hub.models["ada/tiny"] = Repo({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    cached = place("ada/tiny", None, weights=True) / "model.safetensors"
    blob, whole = cached.resolve(), cached.read_bytes()
    blob.write_bytes(whole[:-9])
    with pytest.raises(UserError) as refused:
        load_base("ada/tiny", "lora")
    assert refused.value.given == "model.safetensors of the model ada/tiny" and f"Delete {blob}" in refused.value.todo
    blob.unlink()
    assert (place("ada/tiny", None, weights=True) / "model.safetensors").read_bytes() == whole
