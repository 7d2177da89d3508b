"""The loss of the trained tokens, without ever holding the logits of all of them."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

LOGITS_AT_ONCE = {"cpu": 2**25, "cuda": 2**26}  # 128 MiB in float32; a GPU wants larger products: 256 MiB


def compute_loss_inside(model: PreTrainedModel) -> None:
    """Have the forward of `model`, where it is given `places` and `targets`, return {"loss", "hits"} and no logits.

    `model` has TRL's fused head (`add_fused_lm_head`, as SFTTrainer puts it on). `places` (trained tokens,) are the
    places, over the flattened batch, of the hidden states that predict `targets` (trained tokens,); `labels` are those
    of the whole batch, `label_smoothing` is 0 where not given. Both results are sums, as of `response_loss`.

    It happens inside the forward, and not on what it returns, so that whoever wraps the model (DDP, autocast) sees all
    of it.
    """
    plain: Any = model.forward
    alone = head_gives_the_logits(model.eval())  # in eval mode: dropout would make any two passes differ
    fused = not alone and fused_head_gives_the_loss(model)

    @functools.wraps(plain)
    def forward(
        *args: Any,
        places: torch.Tensor | None = None,
        targets: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
        **kwargs: Any,
    ) -> Any:
        if places is None or targets is None:
            return plain(*args, **kwargs)
        if alone:
            del kwargs["labels"]
            hidden = model.base_model(*args, **kwargs).last_hidden_state.flatten(0, 1).index_select(0, places)
            loss, hits = response_loss(hidden, targets, model.get_output_embeddings(), label_smoothing)
        elif label_smoothing or not fused:
            del kwargs["labels"]
            logits = plain(*args, **kwargs).logits.flatten(0, 1).index_select(0, places).float()
            loss = cross_entropy(logits, targets, reduction="sum", label_smoothing=label_smoothing)
            hits = (logits.argmax(-1) == targets).sum()
        else:
            scored = plain(*args, **kwargs, fused_lm_head=True)
            loss, hits = -scored.log_probs.sum(), scored.is_top1.sum()
        return {"loss": loss, "hits": hits}

    model.forward = forward


def response_loss(
    hidden: torch.Tensor, targets: torch.Tensor, head: nn.Module, label_smoothing: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the negative log-likelihoods, a scalar with a gradient, and how many targets were the likeliest token.

    `hidden` is (tokens, width), `targets` (tokens,); `head`, the model's output embeddings, has nothing to learn.

    Logits are made for a few tokens at a time, and their gradient at once, while they are there: memory does not grow
    with the batch, and no logit is computed twice (the idea of Liger Kernel's fused linear cross entropy, Hsu et al.
    2024, arXiv 2410.10989).
    """
    loss, hits = _ChunkedLoss.apply(hidden, targets, head, label_smoothing)
    return loss, hits


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, targets: torch.Tensor, head: nn.Module, label_smoothing: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        learning = hidden.requires_grad
        total, hits = hidden.new_zeros((), dtype=torch.float32), targets.new_zeros(())
        gradients = []
        rows = max(1, LOGITS_AT_ONCE[hidden.device.type] // int(head.get_parameter("weight").shape[0]))
        for some, wanted in zip(hidden.split(rows), targets.split(rows), strict=True):
            with torch.set_grad_enabled(learning):
                leaf = some.detach().requires_grad_(learning)
                logits = head(leaf).float()
                loss = cross_entropy(logits, wanted, reduction="sum", label_smoothing=label_smoothing)
            if learning:
                gradients += torch.autograd.grad(loss, leaf)
            total += loss.detach()
            hits += (logits.detach().argmax(-1) == wanted).sum()
        ctx.save_for_backward(torch.cat(gradients) if gradients else hidden.new_zeros(hidden.shape))
        ctx.mark_non_differentiable(hits)
        return total, hits

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (saved,) = ctx.saved_tensors
        return saved * gradient, None, None, None  # a number does not widen a tensor, and is not rounded before


@torch.no_grad()
def head_gives_the_logits(model: PreTrainedModel) -> bool:
    """Whether the logits of `model` are its output embeddings applied to its last hidden state, and nothing else.

    Some families scale or cap them afterwards (Gemma 2, Cohere, Granite), so this is tried on a few tokens.
    """
    ids = torch.arange(1, 9, device=model.device)[None]
    hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    head: Any = model.get_output_embeddings()
    return head is not None and torch.allclose(
        head(hidden).float(), model(input_ids=ids, use_cache=False).logits.float(), rtol=1e-3, atol=1e-3
    )


@torch.no_grad()
def fused_head_gives_the_loss(model: PreTrainedModel) -> bool:
    """Whether TRL's fused head, which knows how some families scale or cap their logits, knows it of `model`."""
    ids = torch.arange(1, 9, device=model.device)[None]
    scores = model(input_ids=ids, use_cache=False).logits[:, :-1].float().log_softmax(-1)
    wanted = scores.gather(-1, ids[:, 1:, None])[..., 0]
    found = model(input_ids=ids, labels=ids, use_cache=False, fused_lm_head=True).log_probs.float()
    return found.shape == wanted.shape and torch.allclose(found, wanted, rtol=1e-2, atol=1e-2)
