"""Uploads that are not saved yet and wait beside the one that is looked at: a browser keeps their ids."""

from __future__ import annotations

from typing import Any

from ft.dataset import staging
from ft.dataset.staging import Staged, discard, open_staged
from ft.ui import alerts
from ft.ui.data_choice import UPLOAD, still_waiting, title, upload_of

_WAITING = 5  # at most


def chosen(choice: str | None, staged: str, waiting: Any) -> tuple[str, str, list[str]]:
    """What is looked at once `choice`, one of `choices`, was chosen: the dataset, the upload, and those that wait."""
    if not choice or not choice.startswith(f"{UPLOAD}/"):
        return choice or "", staged, still_waiting(waiting)
    id = choice.removeprefix(f"{UPLOAD}/")
    return UPLOAD, id, [each for each in still_waiting([staged, *still_waiting(waiting)]) if each != id]


def set_aside(upload: Staged, before: str, waiting: Any) -> list[str]:
    """What waits beside a new upload. What was looked at before is no state of it unless the same files were read
    again: only then Undo goes back to it."""
    there, earlier = still_waiting(waiting), upload_of(before)
    if earlier is None:
        return there
    if _hashes(earlier) == _hashes(upload):
        staging.follow(upload, earlier)
        return there
    for oldest in map(open_staged, there[_WAITING - 1 :]):
        alerts.warn(f"{title(oldest)} is forgotten: it was not saved, and {_WAITING} others wait already.")
        forget(oldest)
    return [earlier.id, *there[: _WAITING - 1]]


def _hashes(upload: Staged) -> list[str]:
    return [str(file["sha256"]) for file in upload.source["files"]]


def forget(upload: Staged) -> None:
    """Delete it, with all that it was before."""
    for state in (*staging.others(upload), upload):
        discard(state)


def next_of(waiting: Any) -> tuple[str, list[str]]:
    """The upload to look at where there is none any more ("": there is none), and those that wait then."""
    there = still_waiting(waiting)
    return next(iter(there), ""), there[1:]
