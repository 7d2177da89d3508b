"""Which kernels training takes on a GPU, by what is said to be there; on a CPU a model stays as it is."""

from typing import Any

import pytest
import torch
from torch.utils.checkpoint import CheckpointPolicy
from transformers import LlamaConfig, LlamaForCausalLM

from ft.errors import UserError
from ft.train.attention import choose, use_flash_attention
from ft.train.layer_kernels import layer_options, require_same, use_layer_kernels
from ft.train.recompute import checkpointing_options

BOTH = ("flash_attention_2", "flash_attention_3")


def chosen(usable=BOTH, *, supported=True, compatible=None, head_width=128) -> str | None:
    return choose(usable, supported=supported, compatible=compatible, head_width=head_width)


def test_the_newest_flash_attention_that_runs_is_taken_and_none_where_none_does():
    assert chosen() == "flash_attention_3"
    assert chosen(["flash_attention_2"]) == "flash_attention_2"
    assert chosen([]) is None


def test_a_model_keeps_its_attention_where_flash_attention_does_not_know_it():
    assert chosen(supported=False) is None
    assert chosen(head_width=512) is None
    assert chosen(compatible=["kernels-community/vllm-flash-attn3"]) is None
    assert chosen(compatible=["flash_attention_2"]) == "flash_attention_2"


def test_liger_gets_the_layers_whose_activation_the_model_has_and_never_the_loss():
    llama, gemma, other = (layer_options(name) for name in ("silu", "gelu_pytorch_tanh", "relu"))
    assert (llama["swiglu"], llama["geglu"]) == (True, False)
    assert (gemma["swiglu"], gemma["geglu"]) == (False, True)
    assert not other["swiglu"] and not other["geglu"] and not layer_options("silu", bias=True)["swiglu"]
    assert not any(found["cross_entropy"] or found["fused_linear_cross_entropy"] for found in (llama, gemma, other))


def test_kernels_that_compute_another_model_are_refused():
    logits = torch.randn(2, 16, 97)
    require_same(logits, logits + 0.02 * torch.randn_like(logits))
    for wrong in (logits + 0.5 * torch.randn_like(logits), logits * torch.nan):
        with pytest.raises(UserError, match="pip uninstall liger-kernel"):
            require_same(logits, wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="what a machine without a GPU does")
def test_without_a_gpu_a_model_stays_as_it_is():
    shape: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    model = LlamaForCausalLM(LlamaConfig(vocab_size=97, **shape))
    code = {name: type(layer).forward for name, layer in model.named_modules()}
    assert use_flash_attention(model) == "sdpa" and model.config._attn_implementation == "sdpa"
    use_layer_kernels(model)
    assert {name: layer.forward.__func__ for name, layer in model.named_modules()} == code


def test_light_recomputing_keeps_what_a_flash_attention_package_made():
    """Such a package names its operation so; it is made here as the package makes it."""

    @torch.library.custom_op("sidetune_test::_flash_attn_forward", mutates_args=())
    def attention(query: torch.Tensor) -> torch.Tensor:
        return query.clone()

    policy = checkpointing_options("light")["context_fn"].args[0]
    given = torch.zeros(2, 2)
    assert policy(None, torch.ops.sidetune_test._flash_attn_forward.default, given) is CheckpointPolicy.MUST_SAVE
    assert policy(None, torch.ops.aten.silu.default, given) is CheckpointPolicy.PREFER_RECOMPUTE
