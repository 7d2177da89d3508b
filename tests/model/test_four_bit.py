"""What holds where the layers stay in 4-bit, as on a GPU: the same layers, on a CPU."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, set_seed

from ft.config import TrainConfig
from ft.dataset.build import save, stage
from ft.dataset.sample import sample_file
from ft.models import device
from ft.models.load import Loaded
from ft.template.render import Renderer
from ft.train.assemble import put_adapter, trainer_for
from ft.train.batch import Batch
from ft.train.data import encode
from ft.train.recompute import checkpointing_options
from ft.train.trainer import HALVINGS, DivergedError, ResponseTrainer

pytestmark = pytest.mark.slow

NF4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)


@pytest.fixture
def four_bit(tiny_model: str) -> Loaded:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, quantization_config=NF4, dtype=torch.float32)
    return Loaded(model.eval(), AutoTokenizer.from_pretrained(tiny_model), "tiny", "nf4 in float32", device.describe())


@pytest.fixture
def trainer(four_bit: Loaded, home: Path, tmp_path: Path) -> ResponseTrainer:
    config = TrainConfig().with_settings({"lora_rank": 4, "learning_rate": 1e-6, "warmup_ratio": 0.0})
    rows, _ = encode(
        save(stage([sample_file()]), "sample").conversations("train"), Renderer(four_bit.tokenizer), config
    )
    set_seed(0)
    options: dict[str, Any] = {"steps": 2, "eval_steps": 2, "validate_first": False, "callbacks": []}
    model, batch = put_adapter(four_bit, config), Batch(1, 1)
    return trainer_for(model, four_bit, config, batch, tmp_path / "out", rows.select(range(2)), None, **options)


def test_lora_is_float32_and_learns_in_it(trainer: ResponseTrainer):
    learnt = {name: each for name, each in trainer.model.named_parameters() if each.requires_grad}
    assert {each.dtype for each in learnt.values()} == {torch.float32}
    begun = {name: each.detach().clone() for name, each in learnt.items()}
    first = begun[next(name for name in begun if "lora_A" in name)]
    assert not torch.equal(first, first.bfloat16().float())  # they were not rounded on the way either
    trainer.train()
    # Updates of 1e-6 are far below what bfloat16 tells apart from such weights.
    assert any(not torch.equal(each, begun[name]) for name, each in learnt.items() if "lora_A" in name)


def test_in_float16_a_gradient_may_overflow_a_few_times_and_else_never(trainer: ResponseTrainer):
    trainer.args.fp16 = True
    for gradient in (*[float("inf")] * HALVINGS, 1.0, *[float("nan")] * HALVINGS):
        trainer._require_sane(2.0, gradient)
    with pytest.raises(DivergedError, match="gradient became"):
        trainer._require_sane(2.0, float("inf"))
    trainer.args.fp16 = False
    trainer._require_sane(2.0, 1.0)
    with pytest.raises(DivergedError, match="gradient became"):
        trainer._require_sane(2.0, float("inf"))


class Counted(TorchDispatchMode):
    """How often each operation ran."""

    def __init__(self) -> None:
        super().__init__()
        self.times: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.times[func.name()] += 1
        return func(*args, **(kwargs or {}))


def test_light_keeps_what_the_4_bit_products_made_and_full_computes_it_again(four_bit: Loaded):
    layers = put_adapter(four_bit, TrainConfig().with_settings({"lora_rank": 4})).get_base_model().model.layers[0].mlp
    products = {}
    for mode in ("light", "full"):
        hidden = torch.randn(1, 128, 64, requires_grad=True)
        with Counted() as counted:
            out = checkpoint(layers, hidden, **checkpointing_options(mode))
            before = counted.times["bitsandbytes::gemm_4bit"]
            out.sum().backward()
        products[mode] = (before, counted.times["bitsandbytes::gemm_4bit"])
    assert products == {"light": (3, 3), "full": (3, 6)}
