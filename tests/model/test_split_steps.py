"""A step is the same however it is divided into batches, whatever the model's class says of its own loss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, set_seed

from ft.config import TrainConfig
from ft.dataset.build import SourceFile, save, stage
from ft.models import device
from ft.models.load import Loaded
from ft.template.render import Renderer
from ft.train.assemble import put_adapter, trainer_for
from ft.train.batch import Batch
from ft.train.data import encode

pytestmark = pytest.mark.slow

SPLITS = [Batch(4, 1), Batch(2, 2), Batch(1, 4)]


@pytest.fixture
def chats(home: Path, tmp_path: Path):
    """Four conversations, of which each has more to learn than the one before."""
    file = tmp_path / "chats.jsonl"
    rows = [{"instruction": f"Dish {n}?", "input": "", "output": "Soup, matey. " * 4**n} for n in range(4)]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return save(stage([SourceFile(file, file.name)], validation_fraction=0), "chats")


def step(tiny_model: str, chats, batch: Batch, folder: Path) -> tuple[float, float]:
    """The loss of one step in such batches, and the norm of its gradient."""
    config = TrainConfig().with_settings({"lora_rank": 4, "lora_dropout": 0.0, "warmup_ratio": 0.0})
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    base = Loaded(model, tokenizer, "tiny", "float32", device.describe())
    rows, _ = encode(chats.conversations("train"), Renderer(tokenizer), config)
    set_seed(0)
    adapted = put_adapter(base, config)
    options = {"steps": 1, "eval_steps": 1, "validate_first": False, "callbacks": []}
    trainer = trainer_for(adapted, base, config, batch, folder, rows, None, **options)
    trainer.train()
    (told,) = [row for row in trainer.state.log_history if "loss" in row]
    return told["loss"], told["grad_norm"]


@pytest.mark.parametrize("accepts", [True, False, None], ids=["accepts", "refuses", "says nothing"])
def test_a_step_is_the_same_however_it_is_divided(tiny_model, chats, tmp_path, monkeypatch, accepts):
    """`accepts_loss_kwargs` of a class decides how Trainer itself divides the loss: it is False for Gemma 3n and 4."""
    if accepts is None:
        monkeypatch.delattr(LlamaForCausalLM, "accepts_loss_kwargs", raising=False)
    else:
        monkeypatch.setattr(LlamaForCausalLM, "accepts_loss_kwargs", accepts, raising=False)
    whole, *split = [step(tiny_model, chats, batch, tmp_path / str(batch.size)) for batch in SPLITS]
    assert whole[1] > 0
    for found in split:
        assert found == pytest.approx(whole, rel=1e-3)
