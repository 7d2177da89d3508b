"""A batch: what is trained in it, and that no conversation sees another where they lie one behind the other."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    set_seed,
)
from trl.trainer.utils import add_fused_lm_head

from ft.train.collate import collate, keeps_rows_apart, rows_of, sees_no_padding
from ft.train.data import IGNORED
from ft.train.loss import compute_loss_inside

ROWS = [
    {"input_ids": [5, 6, 7, 8], "labels": [IGNORED, IGNORED, 7, 8]},
    {"input_ids": [9, 9], "labels": [9, IGNORED]},  # a first token has no token before it
    {"input_ids": [1, 2, 3], "labels": [1, 2, IGNORED]},
]


def test_a_batch_names_the_places_that_predict_what_is_trained():
    batch = collate(ROWS, pad=0)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [9, 9, 0, 0], [1, 2, 3, 0]]
    assert batch["attention_mask"].sum(1).tolist() == [4, 2, 3] and batch["tokens"] == 9
    assert batch["places"].tolist() == [1, 2, 8] and batch["targets"].tolist() == [7, 8, 2]


def test_a_flat_batch_has_no_padding_and_names_the_same_tokens():
    batch = collate(ROWS, pad=0, flat=True)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9, 9, 1, 2, 3]] and batch["tokens"] == 9
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 0, 1, 0, 1, 2]]
    assert batch["cu_seq_lens_q"].tolist() == [0, 4, 6, 9] and batch["max_length_q"] == 4
    assert batch["seq_idx"].tolist() == [[0, 0, 0, 0, 1, 1, 2, 2, 2]]
    assert batch["places"].tolist() == [1, 2, 6] and batch["targets"].tolist() == [7, 8, 2]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:1]])
def test_the_rows_of_a_batch_can_be_read_from_it(flat: bool, rows):
    assert rows_of(collate(rows, pad=0, flat=flat)) == [row["input_ids"] for row in rows]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_no_conversation_of_a_batch_sees_another_padded_or_flat_with_a_mask_or_without(smoothing: float):
    """The same losses and gradients; flat by the attention that transformers makes of the positions."""
    set_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=50, attn_implementation="sdpa", **shape))
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    compute_loss_inside(model)
    found = []
    for flat, without in ((False, "tokens"), (False, "attention_mask"), (True, "tokens")):
        batch = {
            name: each for name, each in collate(ROWS, pad=0, flat=flat).items() if name not in ("tokens", without)
        }
        out = model(**batch, label_smoothing=smoothing, use_cache=False)
        out["loss"].backward()
        found.append((out["loss"].detach(), model.model.layers[0].self_attn.q_proj.weight.grad.clone()))
        model.zero_grad()
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])


class Stand:
    """Stands in for a model: its logits are what `mix` makes of the tokens."""

    device = torch.device("cpu")

    def __init__(self, mix) -> None:
        self._mix = mix

    def __call__(self, input_ids, **_):
        return SimpleNamespace(logits=self._mix(input_ids.float())[..., None])


def refuse(_):
    raise ValueError("can't keep packed sequences apart")


@pytest.mark.parametrize(("mix", "apart"), [(torch.square, True), (lambda ids: ids.cumsum(-1), False), (refuse, False)])
def test_a_model_that_mixes_the_rows_of_a_flat_batch_or_refuses_it_is_told_from_one_that_does_not(mix, apart: bool):
    assert keeps_rows_apart(Stand(mix)) is apart


@pytest.mark.parametrize(
    ("mix", "causal"),
    [(torch.square, True), (lambda ids: ids.cumsum(-1), True), (lambda ids: ids + ids.mean(-1, keepdim=True), False)],
)
def test_a_model_that_sees_the_padding_behind_a_row_is_told_from_one_that_does_not(mix, causal: bool):
    assert sees_no_padding(Stand(mix)) is causal


class Scaled(LlamaForCausalLM):
    """Does with its logits what TRL's fused head knows nothing of."""

    def forward(self, *args, **kwargs):
        out = super().forward(*args, **kwargs)
        out.logits = out.logits * 3
        return out


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (LlamaForCausalLM, LlamaConfig),
        (GraniteForCausalLM, partial(GraniteConfig, logits_scaling=4.0)),
        (Gemma2ForCausalLM, partial(Gemma2Config, final_logit_softcapping=0.5, num_key_value_heads=2, head_dim=16)),
        (Scaled, LlamaConfig),
    ],
    ids=["plain", "scaled as TRL knows", "capped as TRL knows", "scaled otherwise"],
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_the_model_s_own_logits_whatever_it_does_with_them(kind, config, smoothing: float):
    set_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = kind(config(vocab_size=50, **shape)).eval()
    batch = collate(ROWS, pad=0)
    logits = model(batch["input_ids"], batch["attention_mask"], use_cache=False).logits.flatten(0, 1)[batch["places"]]
    wanted = cross_entropy(logits.float(), batch["targets"], reduction="sum", label_smoothing=smoothing)
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    compute_loss_inside(model)
    del batch["tokens"]
    found = model(**batch, label_smoothing=smoothing, use_cache=False)
    assert found["loss"].item() == pytest.approx(wanted.item(), rel=1e-4)
    assert int(found["hits"]) == int((logits.argmax(-1) == batch["targets"]).sum())
