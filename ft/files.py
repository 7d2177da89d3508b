"""Files on disk: hashed, written whole or not at all, and opened where they are files."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from pathlib import Path
from typing import Protocol


class Digest(Protocol):
    """What hashlib and xxhash give."""

    def update(self, block: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def hexdigest(path: Path, digest: Digest) -> str:
    """The hash of the file's content, by a new `digest` such as `hashlib.sha256()`, read block by block."""
    with open(path, "rb", opener=regular) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def regular(path: str, flags: int) -> int:
    """The `opener` of an `open` that a pipe or a device in the file's place does not hold up.

    Raises:
        OSError: it cannot be opened, or is no file.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "It is a pipe or a device, and no file", path)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TORCH = ("PytorchStreamWriter", "inline_container")  # in what torch.save says where a disk does not take its file
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def remedy(error: BaseException) -> str:
    """What a person can do where a file could not be read or written, without a full stop."""
    if is_full(error):
        return "Free disk space"
    if not _numbers(error).isdisjoint(_FORBIDDEN):
        return "Repair the permissions of the file and its folder"
    if is_of_torch_save(error):
        return "Free disk space, or see that the folder can be written"
    return "See that the file and its folder are there, and can be read and written"


def is_full(error: BaseException) -> bool:
    """Whether it says that there is no room on the disk."""
    return not _numbers(error).isdisjoint(_FULL)


def _numbers(error: BaseException) -> set[int | None]:
    """The system's numbers of what went wrong: libraries in Rust, as safetensors, write it into their text."""
    told = re.search(r"os error (\d+)", str(error))
    return {getattr(error, "errno", None), int(told[1]) if told else None}


def is_of_torch_save(error: BaseException) -> bool:
    """Whether torch.save raised it because its file could not be written; the device can be what fails there, too."""
    return isinstance(error, RuntimeError) and any(each in str(error) for each in _TORCH)


def read_bytes(path: Path) -> bytes:
    """What is in the file.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    with open(path, "rb", opener=regular) as file:
        return file.read()


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, whoever else writes it at the same time."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
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
