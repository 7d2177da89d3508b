"""A JSON file read in parts, each from one record on: what lets several processes read one file at once.

Where a record begins can be guessed from what stands between the ones before it; whether the guess was right is known
once the part before has been read to its end: it stops just there.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace
from typing import BinaryIO

_BLOCK = 1 << 16  # bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A place between two records of a JSON file, and what reading on from there takes.

    `offset`: the byte at which the next record begins. `number`: how many records came before. `in_list`, `wrapped`:
    they are in a list, and that list in an object that only wraps it. `mark`: what lines begin with that open a record.
    `between`: what stands between two records and opens the second; "" where that is not known.
    """

    offset: int
    number: int
    in_list: bool
    wrapped: bool
    mark: str
    between: str

    def goes_on_as(self, other: Place) -> bool:
        """Whether reading on from here gives what reading on from `other` does, but for the numbers of the records."""
        mine, theirs = (replace(each, number=0, between="") for each in (self, other))
        return mine == theirs

    def guess(self, file: BinaryIO, start: int) -> Place | None:
        """The first place that looks like this one in `file` from the byte `start` on; its number is not known, and 0.
        None where there is none up to the end."""
        between = self.between.encode()
        opens = between.find(b"{")
        if opens < 0:
            return None
        at, seen = max(0, start - opens), b""
        file.seek(at)
        while block := file.read(_BLOCK):
            seen += block
            if (found := seen.find(between)) >= 0:
                return replace(self, offset=at + found + opens, number=0)
            passed = max(0, len(seen) - len(between))
            at, seen = at + passed, seen[passed:]
        return None


class Part:
    """From `start` (None: the beginning) to the first record that begins at the byte `until` or behind it, but at
    least `least` records. Once it has been read, `stopped` is the place where it ended; None: at the end of the file.

    `typical`: records may be given as `formats.typical.Chat`; `formats.convert` says so.
    """

    def __init__(self, start: Place | None, until: int, least: int = 0) -> None:
        self.start, self.until, self.least = start, until, least
        self.typical = False
        self.stopped: Place | None = None


class PartText:
    """The text of a file in UTF-8 from one byte on, as a stream; bytes that are none become lone surrogates."""

    def __init__(self, file: BinaryIO, start: int, until: int) -> None:
        self._file, self._read, self.until = file, start, until
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        file.seek(start)

    def read(self, size: int) -> str:
        """About so many characters; "" at the end of the file. Stops once at the end of its part."""
        left = self.until - self._read
        while True:
            behind = _BLOCK if size <= 4 * _BLOCK else size  # little, unless a long record goes on and on
            block = self._file.read(min(size, left) if left > 0 else behind)
            self._read += len(block)
            text = self._decoder.decode(block, final=not block)
            if text or not block:
                return text

    @property
    def is_read(self) -> bool:
        """Whether all of the part has been read, and perhaps more."""
        return self._read >= self.until

    def may_begin_behind(self, unread: int) -> bool:
        """Whether the last so many characters that were read may all come from behind the part."""
        return self._read - unread >= self.until

    def offset(self, unread: str) -> int:
        """The byte at which `unread` begins, the last of what was read."""
        return self._read - len(self._decoder.getstate()[0]) - len(unread.encode("utf-8", "surrogateescape"))
