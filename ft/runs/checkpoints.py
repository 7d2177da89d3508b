"""A run's checkpoints on disk: which of them are whole, how many are kept, and whether there is room for one more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import xxhash

from ft.files import hexdigest, read_bytes, to_disk, write_text

SEAL = "whole.json"  # written last: names every file of the checkpoint, with its size and its XXH3 hash
KEPT = 2  # the newest, and the one before it in case the newest turns out to be damaged
PREFIX = "checkpoint-"


def folders(checkpoints: Path) -> list[Path]:
    """The checkpoint folders, whole or not, oldest step first."""
    found = [path for path in checkpoints.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdecimal()]
    return sorted(found, key=step)


def step(folder: Path) -> int:
    """The step after which a checkpoint was taken."""
    return int(folder.name.removeprefix(PREFIX))


def seal(folder: Path) -> None:
    """See all files of a checkpoint to the disk, then say that it is whole.

    Raises:
        OSError: the disk is full or broken.
    """
    files = sorted(path for path in folder.iterdir() if path.name != SEAL)
    to_disk(*files)
    found = {path.name: {"bytes": path.stat().st_size, "xxh3": _hash(path)} for path in files}
    write_text(folder / SEAL, json.dumps(found))
    to_disk(folder / SEAL, folder, folder.parent)


def is_whole(folder: Path) -> bool:
    """Whether every file that the checkpoint was sealed with is there, byte for byte."""
    try:
        sealed = json.loads(read_bytes(folder / SEAL))
        return bool(sealed) and all(
            (folder / name).stat().st_size == file["bytes"] and _hash(folder / name) == file["xxh3"]
            for name, file in sealed.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def last_whole(checkpoints: Path) -> tuple[Path | None, list[Path]]:
    """The newest whole checkpoint (None: there is none), and the damaged ones that are newer."""
    damaged: list[Path] = []
    for folder in reversed(folders(checkpoints)):
        if is_whole(folder):
            return folder, damaged
        damaged.append(folder)
    return None, damaged


def prune(checkpoints: Path, best: str, kept: int = KEPT) -> None:
    """Remove all checkpoints but the newest `kept` and the one named `best` ("" where there is none yet)."""
    for folder in folders(checkpoints)[:-kept]:
        if folder.name != best:
            shutil.rmtree(folder, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes that a checkpoint takes."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def free_bytes(run: Path) -> int:
    """Room that is left on the disk that the run lies on."""
    return shutil.disk_usage(run).free


def _hash(path: Path) -> str:
    return hexdigest(path, xxhash.xxh3_64())
