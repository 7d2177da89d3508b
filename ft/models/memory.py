"""Memory that ran out, and memory given back."""

from __future__ import annotations

import gc

# What PyTorch, cuBLAS, cuDNN, the operating system and oneDNN say.
_SAID = ("out of memory", "alloc_failed", "can't allocate memory", "bad_alloc", "could not create a memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, of the GPU or of the machine."""
    text = str(error).lower()
    # oneDNN says no more than that where it finds no memory for its own.
    return (
        text == "could not create a primitive"
        or isinstance(error, MemoryError)
        or any(words in text for words in _SAID)
    )


def give_back() -> None:
    """Give back what nothing holds any more, to other processes too: quantised weights go with a collection only."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
