"""Files on disk: hashed, and written whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Protocol


class Digest(Protocol):
    """What hashlib and xxhash give."""

    def update(self, block: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def hexdigest(path: Path, digest: Digest) -> str:
    """The hash of the file's content, by a new `digest` such as `hashlib.sha256()`, read block by block."""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a file, or whatever lies in its place; nothing there is no error.

    Raises:
        OSError: it may not be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def to_disk(*paths: Path) -> None:
    """Wait until the files, or the lists of names that folders are, would outlast a power cut.

    Raises:
        OSError: the disk is full or broken.
    """
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
