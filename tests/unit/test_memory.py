"""Memory that ran out is known as that, and said so."""

from __future__ import annotations

import gc
import io
import weakref
from pathlib import Path

import pytest
import torch
from bitsandbytes.optim import GlobalOptimManager

from ft.errors import UserError
from ft.models import load
from ft.models.memory import out_of_memory
from ft.train.optimizer import forget_embeddings, forget_paging


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
)
def test_memory_that_ran_out_is_known_as_that(error: Exception):
    assert out_of_memory(error)
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_base_that_does_not_fit_is_refused_in_words_and_another_error_passes():
    def fails(*_: object, **__: object) -> None:
        torch.empty(2**60)

    with pytest.raises(UserError) as refused:
        load._load("owner/name", fails, Path("."))
    assert "does not fit" in refused.value.why and "smaller model" in refused.value.todo
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        load._load("owner/name", lambda *_, **__: torch.ones(2, 3) @ torch.ones(2, 3), Path("."))


def test_a_state_that_was_paged_is_ordinary_memory_once_it_was_loaded():
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = torch.optim.AdamW([weight])
    weight.grad = torch.ones(4)
    optimizer.step()
    for value in optimizer.state[weight].values():
        value.is_paged = True  # as bitsandbytes marks it
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    again = torch.optim.AdamW([weight])
    again.load_state_dict(torch.load(file, weights_only=True))
    forget_paging(again)
    states = again.state[weight]
    assert states and not any(hasattr(value, "is_paged") for value in states.values())


def test_the_embeddings_of_a_model_that_is_gone_are_not_kept():
    """transformers registers them like this for each trainer that takes an 8-bit optimizer."""
    embedding = torch.nn.Embedding(3, 4)
    GlobalOptimManager.get_instance().register_module_override(embedding, "weight", {"optim_bits": 32})
    gone = weakref.ref(embedding)
    del embedding
    gc.collect()
    assert gone() is not None
    forget_embeddings()
    gc.collect()
    assert gone() is None
