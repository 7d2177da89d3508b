"""What the worker reports: an event for programs, and a line in the run's log for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ft.runs import events
from ft.runs.directory import Run
from ft.runs.words import words
from ft.train.ranks import rank


def tell(run: Run, kind: str, *, any_rank: bool = False, **fields: Any) -> None:
    """Append the event to `run`, and say it on standard output, which is the run's log.

    Of several processes that train together the first alone tells, unless `any_rank`.
    """
    if rank() and not any_rank:
        return
    events.append(run, kind, **fields)
    text = words({"kind": kind, **fields})
    if text:
        print(f"{datetime.now():%H:%M:%S}  {text}", flush=True)
