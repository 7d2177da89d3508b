"""A file on disk -> raw records, one at a time: of JSON, a table, Parquet, Arrow, or an archive of these."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from formats import archives, columnar, other_files, tables, text
from formats.archives import Stream
from formats.budget import Budget, Refused
from formats.json_file import Item, read_json, read_json_part
from formats.json_problems import file_problem, passed_over
from formats.part import Part
from formats.problems import RowProblem

_START = 4096  # bytes
CONTAINERS: dict[str, str] = {
    "JSON": "a list of records, one record, or an object that wraps them (`data`, `train`, by number, ...)",
    "JSON Lines": "one record a line, whatever the file is called; records may also follow one another without lines",
    "CSV, TSV": "with comma, semicolon, tab or bar; the first row names the columns; UTF-8, UTF-16 or a code page",
    "Parquet, Arrow": "also Feather, and the Arrow files that the library datasets keeps",
    "gzip, bzip2, xz": "of one of these",
    "zip": "of several of these",
}


def records(
    path: Path,
    name: str | None = None,
    part: Part | None = None,
    arrange: Callable[[Iterator[Item]], Iterator[Item]] = iter,
) -> Iterator[Item]:
    """(where it stands, raw record) for each record in the file, whatever its suffix says; memory stays flat.

    What cannot be read is a RowProblem in its place: with record 0 where it concerns the whole file. A record that is
    broken costs that record alone where the next one begins a line of its own; else the problem says that reading
    stopped there. Lists and objects may follow one another, and an object that only wraps rows gives those rows. The
    files of a zip archive are called "archive.zip/file".

    With `part`, only that part of a file of JSON in UTF-8 is read; a file of another kind is read whole. `arrange` is
    given the records of each file, and gives those that are handed on.
    """
    name = name or path.name
    try:
        if part and (part.start or _is_plain_json(path)):
            yield from arrange(_json_part(path, name, part))
            return
        with path.open("rb") as file:
            start = file.read(_START)
        if archives.is_zip(start) and not archives.is_document(path, start):
            for member in archives.members(path, name):
                if isinstance(member, RowProblem):
                    yield member
                else:
                    yield from arrange(_guarded(member.name, member.open, member.is_exported))
        elif archives.is_packed(start):
            yield from arrange(_guarded(name, lambda: archives.unpack(path, start)))
        else:
            yield from arrange(_guarded(name, lambda: path.open("rb")))
    except OSError as error:
        yield _unreadable(name, error)


def _unreadable(name: str, error: OSError) -> RowProblem:
    return file_problem(name, "unreadable", f"it cannot be read: {error.strerror or error}.", "Upload it again.")


def _json_part(path: Path, name: str, part: Part) -> Iterator[Item]:
    try:
        with path.open("rb") as file:
            yield from read_json_part(file, name, part)
    except OSError as error:
        yield _unreadable(name, error)


def _is_plain_json(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(_START)
    return text.encoding(start).startswith("utf-8") and start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _guarded(name: str, open_file: Callable[[], Stream], is_exported: bool = False) -> Iterator[Item]:
    """The records of one file; `open_file` opens it, packed or not, anew each time. `is_exported`: see `Member`."""
    number = 0
    try:
        for item in _records(name, open_file, is_exported):
            number = (item.origin if isinstance(item, RowProblem) else item[0]).record
            yield item
    except UnicodeDecodeError as error:  # in UTF-16; bad bytes in UTF-8 cost the record that they are in
        problem = f"it is not valid {error.encoding.upper()} text; what follows after record {number} was not read."
        yield file_problem(name, "encoding", problem, "Save the file as UTF-8 and upload it again.")
    except OSError as error:
        yield _unreadable(name, error)
    except Refused as error:
        yield file_problem(name, "bad_archive", f"{error} What follows after record {number} was not read.", error.fix)


def _records(name: str, open_file: Callable[[], Stream], is_exported: bool) -> Iterator[Item]:
    with open_file() as file:
        start = file.read(_START)
        packed = archives.packed_size(file)
    if columnar.is_columnar(start):
        with _on_disk(open_file) as file:
            yield from columnar.rows(file, start, name, Budget(packed))
        return
    other = other_files.of_bytes(start) or (other_files.BINARY if text.is_binary(start) else None)
    if other and is_exported:
        yield passed_over(name, other.what)
        return
    if other:
        yield file_problem(name, "not_text", f"it is {other.what}, not a file of chats.", other.fix)
        return
    encoding = text.encoding(start)
    with open_file() as file:
        table = tables.described(file, encoding, name)
    if isinstance(table, RowProblem):
        yield table
    elif table:
        with io.TextIOWrapper(open_file(), encoding=table.encoding, errors="surrogateescape", newline="") as stream:
            yield from tables.rows(stream, table, name)
    else:
        with io.TextIOWrapper(open_file(), encoding=encoding, errors="surrogateescape", newline="") as stream:
            yield from read_json(stream, name)


def _on_disk(open_file: Callable[[], Stream]) -> Stream:
    """The file as one that can be read from any place: what is packed is unpacked into a temporary file."""
    file = open_file()
    if isinstance(file, io.BufferedReader) and isinstance(file.raw, io.FileIO):
        return file
    with file, ExitStack() as stack:
        spooled = stack.enter_context(tempfile.TemporaryFile())
        while block := file.read(1 << 20):
            spooled.write(block)
        spooled.seek(0)
        stack.pop_all()  # the caller closes it
        return cast(Stream, spooled)
