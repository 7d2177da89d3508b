"""Archives, read as streams with limits: gzip, bzip2, xz, and zip with several files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from formats import exports
from formats.budget import UNPACKED, Budget, Refused
from formats.json_problems import file_problem, passed_over
from formats.other_files import of_zip
from formats.problems import RowProblem

FILES = 1000  # in one archive

Stream = io.BufferedReader
_PACKED: dict[bytes, type[gzip.GzipFile] | type[bz2.BZ2File] | type[lzma.LZMAFile]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
# What reading a damaged archive raises; the names of its files may be no text, and its method or version unknown.
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error)
_UNKNOWN = (*_DAMAGED, NotImplementedError, RuntimeError, ValueError)
_CLUTTER = ("__MACOSX", ".DS_Store", "Thumbs.db")


def is_zip(start: bytes) -> bool:
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_document(path: Path, start: bytes) -> bool:
    """Whether the zip archive at `path`, which begins with `start`, is a document of an office program or the like."""
    try:
        with zipfile.ZipFile(path) as archive:
            return of_zip(archive.namelist(), start) is not None
    except _UNKNOWN:
        return False


def is_packed(start: bytes) -> bool:
    """Whether a file that begins with `start` is packed by gzip, bzip2 or xz."""
    return start.startswith(tuple(_PACKED))


def unpack(path: Path, start: bytes) -> Stream:
    """The packed file at `path`, as it is unpacked. Reading it raises Refused."""
    opener = next(opener for magic, opener in _PACKED.items() if start.startswith(magic))
    return _limited(opener(path), path.stat().st_size)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its name with the archive's before it, and how to open it. `is_exported`: it stands in the
    export of a chat site, where files that are no text were sent in the chats."""

    name: str
    open: Callable[[], Stream]
    is_exported: bool = False


def members(path: Path, name: str) -> Iterator[Member | RowProblem]:
    """The files in the zip archive at `path`, which a person knows as `name`."""
    fix = "Unpack it, and upload the files."
    try:
        archive = zipfile.ZipFile(path)
    except _UNKNOWN as error:
        yield file_problem(name, "bad_archive", f"the archive is damaged ({error}).", "Pack or download it again.")
        return
    with archive:
        files = [each for each in archive.infolist() if not (each.filename.endswith("/") or _is_clutter(each.filename))]
        whole = sum(each.file_size for each in files)
        if not files:
            yield file_problem(name, "empty", "the archive holds no file.", fix)
        elif len(files) > FILES:
            yield file_problem(name, "bad_archive", f"it holds {len(files):,} files; the limit is {FILES:,}.", fix)
        elif whole > UNPACKED:
            problem = f"it unpacks to {whole / 2**30:.1f} GB; the limit is {UNPACKED / 2**30:.0f} GB."
            yield file_problem(name, "bad_archive", problem, fix)
        else:
            chats = exports.folders(each.filename for each in files)
            for each in files:
                inside = f"{name}/{each.filename}"
                held = exports.beside_chats(each.filename, chats)
                if held:
                    yield passed_over(inside, held)
                elif each.flag_bits & 1:
                    problem = "it is locked with a password."
                    yield file_problem(inside, "bad_archive", problem, "Pack it again without one.")
                else:
                    yield Member(inside, _opening(archive, each), exports.is_inside(each.filename, chats))


def _opening(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], Stream]:
    def open_member() -> Stream:
        try:
            return _limited(archive.open(info), info.compress_size)
        except _UNKNOWN as error:
            raise Refused(f"it cannot be unpacked ({error}).", "Pack it again as zip or gzip.") from error

    return open_member


def _is_clutter(name: str) -> bool:
    return any(part in _CLUTTER for part in PurePosixPath(name).parts)


def _limited(file: io.BufferedIOBase | IO[bytes], packed: int) -> Stream:
    return io.BufferedReader(_Limited(file, packed), 1 << 16)


def packed_size(file: Stream) -> int:
    """The bytes that a file takes where it lies, packed or not."""
    if isinstance(file.raw, _Limited):
        return file.raw.budget.packed
    return os.fstat(file.fileno()).st_size


class _Limited(io.RawIOBase):
    """A stream that refuses to unpack to more than the limits allow."""

    def __init__(self, file: io.BufferedIOBase | IO[bytes], packed: int) -> None:
        self._file, self.budget = file, Budget(packed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        try:
            block = self._file.read(len(view))
        except _DAMAGED as error:
            raise Refused(f"the archive is damaged ({error}).", "Pack or download it again.") from error
        view[: len(block)] = block
        self.budget.spend(len(block))
        return len(block)

    def close(self) -> None:
        self._file.close()
        super().close()
