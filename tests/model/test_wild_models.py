"""Models whose files are damaged, or made to reach beyond themselves: refused in words, and nothing else is read."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from ft.errors import UserError
from ft.models import hub, load
from ft.models.load import load_base

pytestmark = pytest.mark.slow


@pytest.fixture
def model(home, tiny_model, tmp_path) -> Path:
    """A whole model of one test's own."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def changed(model: Path, **settings: object) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | settings))


def damage(how: str):
    def weights(model: Path, content: bytes) -> None:
        (model / "model.safetensors").write_bytes(content)

    return {
        "no weights in it": lambda model: weights(model, b""),
        "half of the weights": lambda model: weights(model, (model / "model.safetensors").read_bytes()[:9_999]),
        "a header of 2 GB": lambda model: weights(model, struct.pack("<Q", 2**31) + b"{}"),
        "no header": lambda model: weights(model, b"\0" * 999),
        "other weights": lambda model: changed(model, hidden_size=32),
        "an adapter of nothing": lambda model: (model / "adapter_config.json").write_text("{}"),
        "words for numbers": lambda model: changed(model, hidden_size="wide"),
        "no heads": lambda model: changed(model, num_attention_heads=0),
        "an odd type": lambda model: changed(model, rope_parameters={"rope_type": "odd"}),
        "an index of nothing": lambda model: (model / hub.INDEX).write_text("{}"),
    }[how]


HOW = [
    *("no weights in it", "half of the weights", "a header of 2 GB", "no header", "other weights"),
    *("an adapter of nothing", "words for numbers", "no heads", "an odd type", "an index of nothing"),
]


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_model_is_refused_in_words(model, how):
    damage(how)(model)
    with pytest.raises(UserError) as refused:
        load_base(str(model), "lora")
    assert len(str(refused.value)) < 800


def test_a_model_does_not_choose_what_computes_its_attention(model):
    changed(model, attn_implementation="owner/kernel", _attn_implementation="owner/kernel")
    assert load_base(str(model), "lora").model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("way", ["index", "config"])
def test_a_model_cannot_take_the_weights_of_another(model, tmp_path, way):
    """Of a folder that strangers may use, the weights of others that lie beside it must not be within reach."""
    other = Path(shutil.copytree(model, tmp_path / "other"))
    (model / "model.safetensors").rename(model / "own.safetensors")
    if way == "config":
        (model / "own.safetensors").rename(model / "model.safetensors")
        (other / "model.safetensors").write_bytes(b"")
        changed(model, transformers_weights="../other/model.safetensors")
        assert load_base(str(model), "lora").title == "model"
    else:
        (model / hub.INDEX).write_text(json.dumps({"weight_map": {"lm_head.weight": "../other/model.safetensors"}}))
        with pytest.raises(UserError, match="damaged"):
            load_base(str(model), "lora")


def test_what_a_library_says_of_a_file_is_not_shown_to_strangers(model, monkeypatch):
    changed(model, hidden_size="SECRET")
    monkeypatch.setenv("SIDETUNE_HOSTED", "1")
    monkeypatch.setenv("SIDETUNE_MODELS", str(model))
    with pytest.raises(UserError) as refused:
        load.load_base(str(model), "lora")
    assert "SECRET" not in str(refused.value)
