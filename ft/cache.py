"""Temporary files: in a folder of each process's own under $SIDETUNE_HOME/cache, gone with the process.

A process that was killed leaves its folder behind; the next one to start removes it, as nobody holds its lock any more.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ft import home, sandbox

LIMIT = "SIDETUNE_CACHE_GB"
_LIMIT_GB = 2.0
_USED_SECONDS = 3600  # a file that is younger may be read again
GB = 1024**3


@contextmanager
def claimed() -> Iterator[Path]:
    """A new folder for this process's temporary files, removed at the end of the block. From then on tempfile writes
    there too. Where $SIDETUNE_HOME cannot be written, the folder lies among the machine's temporary files.
    """
    sandbox.place_socket()  # elsewhere: multiprocessing removes it when Python ends, and this folder is gone by then
    before = tempfile.tempdir
    try:
        with _held() as folder:
            tempfile.tempdir = str(folder)
            yield folder
    finally:
        tempfile.tempdir = before


@contextmanager
def _held() -> Iterator[Path]:
    root = home.cache_dir()
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(root / ".lock"):
            _remove_abandoned(root)
            folder = root / secrets.token_hex(8)
            lock = FileLock(_lock_path(folder))
            lock.acquire()
            folder.mkdir(mode=0o700)
    except OSError:
        with tempfile.TemporaryDirectory(prefix="sidetune-", ignore_cleanup_errors=True) as elsewhere:
            yield Path(elsewhere)
        return
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        _lock_path(folder).unlink(missing_ok=True)


def _lock_path(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _remove_abandoned(root: Path) -> None:
    for name in {path.name.removesuffix(".lock") for path in root.iterdir()} - {""}:
        folder = root / name
        lock = FileLock(_lock_path(folder))
        try:
            lock.acquire(timeout=0)
        except Timeout:  # its process lives
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        _lock_path(folder).unlink(missing_ok=True)


def limit() -> int:
    """How many bytes temporary files may take: $SIDETUNE_CACHE_GB gigabytes, else 2."""
    try:
        gigabytes = float(os.environ.get(LIMIT) or _LIMIT_GB)
    except ValueError:
        gigabytes = _LIMIT_GB
    return int(max(gigabytes, 0) * GB)


def make_room(folder: Path, wanted: int) -> int:
    """How many bytes may still be written below `folder`: up to its limit, and half of what the disk has free. Where
    that is less than `wanted`, the oldest files go first that were not touched for an hour.
    """
    files = sorted(_files(folder), key=lambda file: file[1])
    used = sum(size for _, _, size in files)
    now = time.time()
    while files and now - files[0][1] > _USED_SECONDS and _room(folder, used) < wanted:
        path, _, size = files.pop(0)
        path.unlink(missing_ok=True)
        used -= size
    return _room(folder, used)


def _room(folder: Path, used: int) -> int:
    return max(0, min(limit() - used, shutil.disk_usage(folder).free // 2))


def _files(folder: Path) -> Iterator[tuple[Path, float, int]]:
    for parent, _, names in os.walk(folder):  # goes on where a folder is gone meanwhile, as Path.rglob does not
        for name in names:
            path = Path(parent, name)
            with suppress(OSError):  # gone meanwhile
                if path.is_file():
                    found = path.stat()
                    yield path, found.st_mtime, found.st_size
