"""The chunked loss is the loss: the same value and the same gradient as with all logits at once."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ft.train import loss as losses
from ft.train.loss import response_loss

VOCABULARY, WIDTH, TOKENS = 97, 16, 53


def case(bias: bool = False) -> tuple[torch.Tensor, torch.Tensor, nn.Linear]:
    torch.manual_seed(3)
    head = nn.Linear(WIDTH, VOCABULARY, bias=bias).requires_grad_(False)
    return torch.randn(TOKENS, WIDTH, requires_grad=True), torch.randint(VOCABULARY, (TOKENS,)), head


@pytest.mark.parametrize("rows_at_once", [1, 7, TOKENS, 1000])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("bias", [False, True])
def test_value_gradient_and_hits_are_those_of_the_plain_loss(monkeypatch, rows_at_once: int, smoothing, bias: bool):
    monkeypatch.setitem(losses.LOGITS_AT_ONCE, "cpu", rows_at_once * VOCABULARY)
    hidden, targets, head = case(bias)
    plain = cross_entropy(head(hidden), targets, reduction="sum", label_smoothing=smoothing) / 7
    (wanted,) = torch.autograd.grad(plain, hidden)
    summed, hits = response_loss(hidden, targets, head, smoothing)
    (gradient,) = torch.autograd.grad(summed / 7, hidden)
    assert torch.allclose(summed / 7, plain, rtol=1e-5) and torch.allclose(gradient, wanted, rtol=1e-4, atol=1e-6)
    assert int(hits) == int((head(hidden).argmax(-1) == targets).sum())


def test_without_gradients_the_value_is_the_same():
    hidden, targets, head = case()
    with torch.no_grad():
        summed, _ = response_loss(hidden, targets, head)
        assert torch.allclose(summed, cross_entropy(head(hidden), targets, reduction="sum"))


def test_a_batch_without_a_trained_token_has_no_loss_and_can_be_learnt_from_all_the_same():
    hidden, _, head = case()
    summed, hits = response_loss(hidden[:0], torch.zeros(0, dtype=torch.long), head)
    summed.backward()
    assert summed.item() == 0 and int(hits) == 0 and hidden.grad is not None and not hidden.grad.any()
