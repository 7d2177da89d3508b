"""What this machine can do: which device there is, how much memory, and which number format is fast on it."""

from __future__ import annotations

import math
import os
import platform
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

from ft.errors import UserError

if TYPE_CHECKING:
    import torch

_PROBE_SECONDS = 0.05
_DRIVER = Path("/proc/driver/nvidia/gpus")  # where NVIDIA's driver on Linux has a folder for each GPU


@dataclass(frozen=True, slots=True)
class Device:
    """A device that trains and chats. Memory is in bytes: the GPU's own, or the machine's for a CPU.

    `id` is what CUDA_VISIBLE_DEVICES calls a GPU, "" for the CPU; `uuid` is its own name, whatever it is called there.
    """

    kind: Literal["cuda", "cpu"]
    name: str
    memory_bytes: int
    free_bytes: int
    id: str = ""
    uuid: str = ""

    @property
    def key(self) -> str:
        """What one run at a time can hold: "cpu", or "cuda-" and the GPU's uuid."""
        return f"cuda-{re.sub('[^A-Za-z0-9-]', '-', self.uuid)}" if self.uuid else self.kind

    def __str__(self) -> str:
        return f"{self.name}, {self.memory_bytes / 2**30:.0f} GB ({self.free_bytes / 2**30:.1f} GB free)"


def describe() -> Device:
    """The first GPU that is visible, or the CPU."""
    found = gpus()
    if found:
        return found[0]
    memory = psutil.virtual_memory()
    return Device("cpu", f"CPU ({_cpu_name()}, {psutil.cpu_count()} cores)", memory.total, memory.available)


def gpus() -> tuple[Device, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES shows, in its order: from nvidia-smi, since to import torch takes seconds."""
    if not shutil.which("nvidia-smi"):
        return ()
    listed = _nvidia_smi("--query-gpu=index,uuid,name,memory.total,memory.free", "--format=csv,noheader,nounits")
    there = [[part.strip() for part in line.split(",")] for line in listed]
    there = [each for each in there if len(each) == 5]
    found = []
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(each[0] for each in there))
    for name in filter(None, map(str.strip, shown.split(","))):
        same = (each for each in there if name == each[0] or (name.startswith("GPU-") and each[1].startswith(name)))
        gpu = next(same, None)
        if gpu is None and name.startswith("MIG-"):
            gpu = _part(name, there)
        if gpu is None:
            break  # as CUDA does: what comes after a name that is none is not visible
        found.append(_gpu(name, *gpu[1:]))
    return tuple(found)


def _nvidia_smi(*asked: str) -> list[str]:
    """The lines of its answer; none where it fails, or its driver hangs."""
    try:
        done = subprocess.run(["nvidia-smi", *asked], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def unseen() -> str:
    """A sentence on a GPU that is not used since nvidia-smi does not name it; "" where there is none."""
    if gpus() or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not any(_DRIVER.glob("*")):
        return ""
    return (
        "There is a GPU here that nvidia-smi does not name, so the CPU is used. In a container, nvidia-smi comes with "
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility."
    )


def chosen(wanted: str) -> tuple[Device, ...]:
    """The devices that a run trains on: the GPUs named in `wanted` ("0,1"); the first, or the CPU, where it is "".

    Raises:
        UserError: one of them is not there, or not visible.
    """
    if not wanted:
        return (describe(),)
    there = {each.id: each for each in gpus()}
    missing = [name for name in wanted.split(",") if name not in there]
    if missing:
        raise UserError(
            f"gpus = {wanted}",
            f"there is no GPU {missing[0]} that this process may use.",
            f"Use some of {', '.join(there)}." if there else "Leave it empty: this machine shows no GPU.",
        )
    return tuple(there[name] for name in dict.fromkeys(wanted.split(",")))


def _part(name: str, there: list[list[str]]) -> list[str] | None:
    """A part of a GPU (MIG), as nvidia-smi would list it: of one it names the memory alone, in whole gigabytes."""
    title, whole = "", ""
    for line in _nvidia_smi("-L"):
        called, _, uuid = line.strip().removesuffix(")").rpartition(" (UUID: ")
        if called.startswith("GPU "):  # GPU 0: NVIDIA A100 (UUID: GPU-...)
            title, whole = called.partition(": ")[2], uuid
        elif called.startswith("MIG ") and uuid.startswith(name):  # MIG 1g.5gb  Device  0: (UUID: MIG-...)
            gigabytes = called.split()[1].partition(".")[2].partition("gb")[0]
            number = next((each[0] for each in there if each[1] == whole), "0")
            memory = str(int(gigabytes) * 1024) if gigabytes.isdecimal() else ""
            return [number, uuid, f"part of {title}", memory, memory]
    return None


def _gpu(name: str, uuid: str, title: str, total: str, free: str) -> Device:
    if total.isdecimal() and free.isdecimal():
        return Device("cuda", title, int(total) * 2**20, int(free) * 2**20, name, uuid)
    memory = psutil.virtual_memory()  # "[N/A]": it shares the machine's memory
    return Device("cuda", title, memory.total, memory.available, name, uuid)


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def gpu_dtype() -> torch.dtype:
    """bfloat16 where the GPU computes in it (Ampere and newer), else float16: a Turing or Volta GPU would only imitate
    bfloat16, several times slower."""
    import torch

    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def fast_cpu_dtype() -> torch.dtype:
    """bfloat16 where this CPU multiplies matrices clearly faster in it than in float32, else float32.

    Measured, not looked up (about 50 ms): bf16 is 8 times slower than fp32 on a CPU with AVX2 alone and 3 times faster
    on one with AVX512-bf16 or AMX. Both are tried in turn, and the shortest time counts, since others use the CPU too.
    """
    import torch

    dtypes = (torch.float32, torch.bfloat16)
    pairs = {dtype: (torch.randn(256, 576).to(dtype), torch.randn(576, 1536).to(dtype)) for dtype in dtypes}
    best = dict.fromkeys(dtypes, math.inf)
    begun = time.perf_counter()
    for turn in range(8):
        for dtype, (left, right) in pairs.items():
            start = time.perf_counter()
            left @ right
            if turn:  # the first product pays for set-up
                best[dtype] = min(best[dtype], time.perf_counter() - start)
        if turn and time.perf_counter() - begun > _PROBE_SECONDS:
            break
    return torch.bfloat16 if best[torch.bfloat16] * 1.3 < best[torch.float32] else torch.float32
