"""What lies in $SIDETUNE_HOME/datasets/.staging: converted files that wait to be looked at, and saved or discarded."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from formats.conversation import Conversation
from ft.dataset import parquet
from ft.dataset.documents import read_report, read_source
from ft.errors import UserError
from ft.files import is_full, read_bytes, write_text
from ft.home import datasets_dir

_DAY = 86_400  # seconds
KEPT = 10  # states of an upload to go back to
_BEFORE, _AFTER = "before", "after"
_ID = re.compile(r"[0-9a-f]{16}")


def staging_dir() -> Path:
    return datasets_dir() / ".staging"


@dataclass(frozen=True, slots=True)
class Staged:
    """Converted, but not yet a dataset. `report` is that of `ft.dataset.build.stage`."""

    path: Path
    report: dict[str, Any]

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def source(self) -> dict[str, Any]:
        return read_source(self.path)

    @property
    def rejected_path(self) -> Path:
        return self.path / "rejected.jsonl"

    @property
    def conversations_path(self) -> Path:
        return self.path / parquet.FILE_NAME

    def conversations(
        self, split: str | None = None, start: int = 0, limit: int | None = None
    ) -> Iterator[Conversation]:
        """The conversations, as `Version.conversations` gives them."""
        return parquet.read(self.conversations_path, split, start, limit)


@contextmanager
def new_folder(task: str) -> Iterator[Path]:
    """An empty staging folder; those that nobody saved for a day make way.

    Where the block is not left in peace (Ctrl-C too), the folder goes: a half-written one is never left behind.

    Raises:
        UserError: the disk refused, as `disk_error(error, task)` says it.
    """
    remove_old()
    path = staging_dir() / secrets.token_hex(8)
    try:
        path.mkdir(parents=True)
        yield path
    except BaseException as error:
        shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, OSError):
            raise disk_error(error, task) from error
        raise


def open_staged(id: str) -> Staged:
    """What an earlier `stage` left, by its id.

    Raises:
        UserError: it is gone: saved, discarded or more than a day old.
    """
    path = staging_dir() / id
    if not _ID.fullmatch(id) or not (path / "report.json").is_file():
        raise gone(id)
    return Staged(path, read_report(path))


def follow(staged: Staged, before: Staged) -> None:
    """Let `staged` come after `before`, which stays: see `earlier`. Of what came before, KEPT states are kept.

    Raises:
        OSError: it cannot be written down.
    """
    write_text(staged.path / _BEFORE, before.id)
    write_text(before.path / _AFTER, staged.id)
    for old in _states(staged, _BEFORE)[KEPT:]:
        discard(old)


def earlier(staged: Staged) -> Staged | None:
    """The state of the upload before the last change; None where there is none."""
    return next(iter(_states(staged, _BEFORE)), None)


def later(staged: Staged) -> Staged | None:
    """The state of the upload that was gone back from; None where there is none."""
    return next(iter(_states(staged, _AFTER)), None)


def others(staged: Staged) -> list[Staged]:
    """All other states of the upload."""
    return [*_states(staged, _BEFORE), *_states(staged, _AFTER)]


def _states(staged: Staged, towards: str) -> list[Staged]:
    found: list[Staged] = []
    while len(found) < 2 * KEPT:
        try:
            staged = open_staged(read_bytes(staged.path / towards).decode("ascii"))
        except (OSError, ValueError, UserError):
            break
        found.append(staged)
    return found


def forget_states(staged: Staged) -> None:
    """Before it becomes a version: what came before and after it is no part of that."""
    for name in (_BEFORE, _AFTER):
        (staged.path / name).unlink(missing_ok=True)


def discard(staged: Staged) -> None:
    """Delete what was staged. Doing so twice is no error."""
    shutil.rmtree(staged.path, ignore_errors=True)


def remove_old() -> None:
    """Delete staging folders that nobody saved for a day."""
    folder = staging_dir()
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # another process may be clearing up too
            if time.time() - path.stat().st_mtime > _DAY:
                shutil.rmtree(path, ignore_errors=True)


def disk_error(error: OSError, task: str) -> UserError:
    """A disk's refusal in words; `task` is what could not be done ("save the dataset")."""
    place = str(error.filename or datasets_dir())
    why = f"it cannot {task} there: {(error.strerror or str(error)).lower()}."
    if is_full(error):
        todo = "Free some room on that disk and try again. Nothing that was there before has changed."
    else:
        todo = "See that the folder can be written (or the file read), or set SIDETUNE_HOME to another folder."
    return UserError(place, why, todo)


def gone(id: str) -> UserError:
    """Staged work that is asked for and not there."""
    return UserError(
        f"the upload {id!r}", "it is no longer there (saved, discarded or too old).", "Upload the files again."
    )


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(document, indent=2) + "\n")
