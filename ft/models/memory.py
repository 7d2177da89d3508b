"""Memory that ran out, and memory given back."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

_MALLOC = {-8: 2, -3: 2**20, -1: 2**20}  # M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD of glibc's malloc.h
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


def return_what_is_free() -> None:
    """Have the C library return to the system what nothing in this process holds, where it is glibc.

    By itself it keeps for each thread what that once had, and learns to keep large blocks: 30 clients at once left 400
    MB behind, and leave 60 so.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in _MALLOC.items():
            mallopt(option, value)
