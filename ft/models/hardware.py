"""What torch computes on, and that it is what was said: nvidia-smi is asked before torch is there, and can be wrong."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

from ft.errors import UserError
from ft.models.device import Device

STAND_IN = "SIDETUNE_CPU_STANDS_IN"  # set by tests: the CPU computes in the place of GPUs that only nvidia-smi names
_WHEELS = "https://download.pytorch.org/whl/cu"  # and the version of CUDA without its dot


def computing_on(planned: Device) -> Device:
    """What torch computes on in this process; of a GPU, its name and memory as torch, imported then, knows them.

    Raises:
        UserError: a GPU was planned, and torch cannot compute on it: why, and what mends it.
    """
    if planned.kind == "cpu" or STAND_IN in os.environ:
        return planned
    import torch

    if not torch.cuda.is_available():
        raise _out_of_reach(planned)
    try:
        _compute()
    except RuntimeError as error:
        raise _unusable(planned, error) from error
    number = torch.cuda.current_device()  # of several processes each has one of its own
    free, total = torch.cuda.mem_get_info(number)
    name = torch.cuda.get_device_name(number)
    return replace(planned, name=name, memory_bytes=total, free_bytes=free)


def _compute() -> None:
    """Compute something: only that shows whether torch has code for the GPU, and whether others leave it to us."""
    import torch

    torch.ones(1, device="cuda").add(1).item()


def _out_of_reach(planned: Device) -> UserError:
    """Why torch finds no GPU where nvidia-smi does."""
    import torch

    built = torch.version.cuda
    if built is None:
        why = f"PyTorch {torch.__version__} is built for the CPU alone."
        return _refusal(planned, why, f"Install PyTorch with CUDA: {_command(max(_releases(), default=None))}")
    said = _initialising()
    found = re.search(r"found version (\d+)", said)
    if found is None:
        why = f"PyTorch {torch.__version__} does not reach its driver: {said or 'it finds no GPU.'}"
        return _refusal(planned, why, "Start a container with its GPUs (docker run --gpus all), or the driver anew.")
    driver = divmod(int(found[1]) // 10, 100)
    older = [release for release in _releases() if release[0] == driver[0]]
    fitting = max((release for release in older if release <= driver), default=min(older, default=None))
    why = f"its driver does CUDA {driver[0]}.{driver[1]} at most, and PyTorch {torch.__version__} needs CUDA {built}."
    other = f" Or install PyTorch for that driver: {_command(fitting)}" if fitting else ""
    return _refusal(planned, why, f"Update NVIDIA's driver.{other}")


def _unusable(planned: Device, error: RuntimeError) -> UserError:
    """Why torch cannot compute on a GPU that it finds."""
    import torch

    said = (str(error) or type(error).__name__).splitlines()[0][:300]
    if "no kernel image" in said:
        major, minor = torch.cuda.get_device_capability()
        why = f"PyTorch {torch.__version__} has no code for its compute capability {major}.{minor}."
        fitting = max((each for each, codes in _releases().items() if 10 * major + minor in codes), default=None)
        if fitting is None:
            return _refusal(planned, why, "Use another GPU, or the CPU: CUDA_VISIBLE_DEVICES= before the command.")
        return _refusal(planned, why, f"Install PyTorch with it: {_command(fitting)}")
    return _refusal(planned, f"it does not compute: {said}.", "See what nvidia-smi says of it; restart what holds it.")


def _initialising() -> str:
    """What torch says where it cannot be made to use CUDA, on one line."""
    import torch

    try:
        torch.cuda.init()
        return ""
    except Exception as error:  # torch says it in several classes
        return (str(error) or type(error).__name__).splitlines()[0][:300]


def _releases() -> dict[tuple[int, int], set[int]]:
    """The versions of CUDA that this version of torch is published for on x86, with the compute capabilities of each
    (8.0 as 80)."""
    import torch

    published: dict[str, Any] = getattr(torch.cuda, "PYTORCH_RELEASES_CODE_CC", {})
    found = {}
    for version, codes in published.items():
        major, _, minor = version.partition(".")
        found[int(major), int(minor)] = codes.get("x86_64", set()) if isinstance(codes, dict) else set(codes)
    return found


def _command(release: tuple[int, int] | None) -> str:
    """What installs this version of torch for that version of CUDA, as pytorch.org says it."""
    import torch

    if release is None:
        return "see https://pytorch.org/get-started/locally"
    version = torch.__version__.partition("+")[0]
    return f"pip install --force-reinstall torch=={version} --index-url {_WHEELS}{release[0]}{release[1]}"


def _refusal(planned: Device, why: str, todo: str) -> UserError:
    return UserError(f"the GPU {planned.name}", why, todo)
