"""A batch: what is trained in it, and that no conversation sees another where they lie one behind the other."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, set_seed
from trl.trainer.utils import add_fused_lm_head

from ft.train.collate import collate, rows_of
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
def test_no_conversation_of_a_flat_batch_sees_another(smoothing: float):
    """The same losses and gradients as padded, by the attention that transformers makes of the positions."""
    set_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=50, attn_implementation="sdpa", **shape))
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    compute_loss_inside(model)
    found = []
    for flat in (False, True):
        batch = collate(ROWS, pad=0, flat=flat)
        del batch["tokens"]
        out = model(**batch, label_smoothing=smoothing, use_cache=False)
        out["loss"].backward()
        found.append((out["loss"].detach(), model.model.layers[0].self_attn.q_proj.weight.grad.clone()))
        model.zero_grad()
    torch.testing.assert_close(found[0], found[1])
