"""What this machine can do: which device there is, how much memory, and which number format is fast on it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Device:
    """The device that trains and chats. Memory is in bytes: the GPU's own, or the machine's for a CPU."""

    kind: Literal["cuda", "cpu"]
    name: str
    memory_bytes: int
    free_bytes: int

    def __str__(self) -> str:
        return f"{self.name}, {self.memory_bytes / 2**30:.0f} GB ({self.free_bytes / 2**30:.1f} GB free)"


def describe() -> Device:
    """The GPU of `visible_gpu`, or the CPU. Asks nvidia-smi rather than torch, whose import takes seconds."""
    memory = psutil.virtual_memory()
    gpu = visible_gpu()
    if shutil.which("nvidia-smi") and gpu.startswith(("GPU-", "MIG-", *"0123456789")):
        query = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
        query += ["--id", gpu] if gpu.isdecimal() else []
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
        if done.returncode == 0 and done.stdout.strip():
            name, total, free = (part.strip() for part in done.stdout.splitlines()[0].split(","))
            if total.isdecimal() and free.isdecimal():
                return Device("cuda", name, int(total) * 2**20, int(free) * 2**20)
            return Device("cuda", name, memory.total, memory.available)  # "[N/A]": it shares the machine's memory
    return Device("cpu", f"CPU ({_cpu_name()}, {psutil.cpu_count()} cores)", memory.total, memory.available)


def visible_gpu() -> str:
    """The one GPU to use, as CUDA_VISIBLE_DEVICES names it: the first that is visible, "" where none is to be."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def fast_cpu_dtype() -> torch.dtype:
    """bfloat16 where this CPU multiplies matrices clearly faster in it than in float32, else float32.

    Measured, not looked up (about 50 ms): bf16 is 8 times slower than fp32 on a CPU with AVX2 alone and 3 times faster
    on one with AVX512-bf16 or AMX.
    """
    import torch

    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.randn(256, 576).to(dtype), torch.randn(576, 1536).to(dtype)
        left @ right  # the first product pays for set-up
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            left @ right
            best = min(best, time.perf_counter() - start)
            if best > 0.02:
                break
        seconds[dtype] = best
    return torch.bfloat16 if seconds[torch.bfloat16] * 1.3 < seconds[torch.float32] else torch.float32
