"""What MFU is made of: FLOPs counted one by one, and GPUs looked up by the names that drivers give them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def bench(name: str) -> ModuleType:
    """A module of bench/, which is no package: its scripts find each other by their folder."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "bench" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


flops = bench("model_flops")
models = bench("random_model")


def test_a_frozen_weight_costs_four_flops_a_token_one_of_the_adapter_six_and_the_head_for_trained_tokens_alone():
    size = flops.Size(blocks=1000, head=300, adapter=10, layers=2, width=8)
    attention = 6 * 2 * 8 * (5**2 + 3**2)
    assert flops.training_flops(size, [(5, 4), (3, 1)]) == 4 * (1000 * 8 + 300 * 5) + 6 * 10 * 8 + attention
    assert flops.training_flops(size, [(5, 4)], per_weight=6) > flops.training_flops(size, [(5, 4)])


def test_attention_is_counted_product_by_product():
    """Two products a head, scores and values, each of 2 FLOPs for a value of the head and a token that is seen."""
    tokens, heads, head = 64, 4, 16
    forward = sum(2 * 2 * heads * head * (seen + 0.5) for seen in range(tokens))
    size = flops.Size(blocks=0, head=0, adapter=0, layers=1, width=heads * head)
    assert flops.training_flops(size, [(tokens, tokens)]) == pytest.approx(3 * forward)


@pytest.mark.parametrize(
    "gpu, peak",
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA GH200 480GB", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA RTX A6000", 155e12),
        ("NVIDIA RTX 6000 Ada Generation", 364e12),
        ("NVIDIA GeForce RTX 4090", 165e12),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", None),
        ("NVIDIA A10G", None),
        ("CPU (AMD EPYC, 2 cores)", None),
    ],
)
def test_a_gpu_is_known_by_its_name_or_not_at_all(gpu: str, peak: float | None):
    assert flops.peak_flops(gpu) == peak


@pytest.mark.parametrize("shape, billions", [("1b", 1.24), ("8b", 8.03), ("14b", 14.77), ("70b", 70.55)])
def test_a_shape_has_as_many_weights_as_the_model_that_it_is_named_after(shape: str, billions: float):
    assert models.size_bytes(shape) / 2e9 == pytest.approx(billions, abs=0.01)


def test_the_size_of_8b_and_its_adapter_is_that_of_llama():
    wanted = models.config("8b")
    size = flops.size_of(models.skeleton("8b"), wanted.num_hidden_layers, 4096, 16)
    assert size.blocks == 32 * (2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14_336)
    assert size.head == 128_256 * 4096
    assert size.adapter == 41_943_040  # as PEFT counts rank 16 on all linear layers of Llama 3 8B
