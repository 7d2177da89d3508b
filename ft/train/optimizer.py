"""What bitsandbytes' 8-bit optimizers leave behind, taken away."""

from __future__ import annotations

import torch


def forget_paging(optimizer: torch.optim.Optimizer) -> None:
    """Let no state of `optimizer`, which has been loaded, pass for memory that bitsandbytes pages.

    Such a state keeps its mark through a checkpoint. Where it is loaded straight onto a GPU, as by one of several
    processes, it lies in ordinary memory; bitsandbytes would prefetch it by the mark, and end the process.
    """
    for state in optimizer.state.values():
        for value in state.values():
            if hasattr(value, "is_paged"):
                del value.is_paged


def forget_embeddings() -> None:
    """Let go of the embeddings of the models trained so far, which transformers registers with bitsandbytes' manager of
    8-bit optimizers, for good: a gigabyte of an 8B model."""
    from bitsandbytes.optim import GlobalOptimManager

    GlobalOptimManager.get_instance().initialize()
