"""The processes that train one run together, as `accelerate launch` and torchrun start them: which of them this is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

STARTED_BY = "SIDETUNE_STARTED_BY"  # the process that holds the run's locks for those that train, where there is one


def rank() -> int:
    """The number of this process among those that train together; the first, 0, alone tells, saves and asks."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """How many train together, on all machines: 1 where nobody started several."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def with_others(mine: object) -> str:
    """`mine`, the device of the first process, and how many more there are, in words."""
    return f"{mine}" + (f", and {processes() - 1} more" if processes() > 1 else "")


def from_first(value: str) -> str:
    """What the first process gives here; every one of them has to call this."""
    from accelerate.utils import broadcast_object_list

    return str(broadcast_object_list([value])[0])


def any_of(flag: bool, device: torch.device) -> bool:
    """Whether `flag` is true in one of the processes; every one of them has to call this."""
    import torch
    from accelerate.utils import reduce

    return bool(reduce(torch.tensor(float(flag), device=device), "sum")) if processes() > 1 else flag
