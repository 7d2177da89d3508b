"""JSON values that follow one another in a text, decoded one at a time: memory holds one of them, not the text."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import TextIO

import orjson

from formats.json_limits import COUNTED_FROM, LONGEST, TooLarge, has_too_many_parts
from formats.json_values import Number, keys_inside
from formats.part import PartText
from formats.typical import Chat, Typical

BLOCK = 1 << 18
_NEAR = 64  # characters: an error this close to the end of what was read so far may only mean that more is needed
_NEXT = 1 << 14  # characters: the next value is looked for so far, or 16 times the length of the last one
_RAW = 20_000
_TOO_DEEP = 1 << 16  # characters that reading about a thousand brackets costs as much time as
_FIRST_KEY = re.compile(r'\{\s*"[^"\\]*"')
_SOMETHING = re.compile(r"\S")
_SPACED_COLON = re.compile(r'"\s+:')


class JsonText:
    """A text of JSON values, seen through a window from before the next value to where reading has come to.

    `repeated` holds what the last value gives twice, with different values, as (object, key): JSON keeps the last.
    `wasted`: how many characters were read to no end by `value`, and will be read again.
    """

    def __init__(self, stream: TextIO | PartText) -> None:
        self._stream = stream
        self._seen, self._place = "", 0
        self._ahead = StringIO()  # what was read already and does not stand in the window
        self._ahead_left = 0  # characters
        self._reached = 0  # how far a value was read that is none
        self.wasted = 0
        self.repeated: list[tuple[dict[str, object], str]] = []
        self._long = False
        self._between = ""  # what stands between the last value and the next, up to where that is sure to begin
        self._end = -1  # where the last value ended
        self._length = 0  # of the last value
        self._decode = json.JSONDecoder(
            strict=False,
            parse_int=lambda text: int(text) if len(text) < 4000 else Number(text),
            parse_float=Number,
            parse_constant=Number,
            object_pairs_hook=self._object,
        ).raw_decode

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            self.repeated += [(made, key) for key, value in pairs if made[key] != value]
        return made

    @property
    def between(self) -> str:
        """What stands between two values and opens the second; "" where that is not known."""
        return self._between

    def offset_if_through(self) -> int | None:
        """The byte at which what comes next begins, where that is behind the part of the file to be read; else None."""
        stream = self._stream
        if not isinstance(stream, PartText) or not stream.is_read:
            return None
        if not stream.may_begin_behind(len(self._seen) - self._place + self._ahead_left):
            return None
        offset = stream.offset(self._seen[self._place :] + self._ahead.getvalue()[self._ahead.tell() :])
        return offset if offset >= stream.until else None

    def _more(self) -> bool:
        """Read on; False at the end. Ever larger blocks, so that a huge value is not decoded over and over."""
        size = max(BLOCK, min(len(self._seen) - self._place, LONGEST // 4))
        block = self._ahead.read(size) if self._ahead_left else self._stream.read(size)
        self._ahead_left = max(0, self._ahead_left - len(block))
        if block:
            self._end -= self._place
            self._reached -= self._place
            self._seen, self._place = self._seen[self._place :] + block, 0
            self._long = len(self._seen) >= BLOCK
        return bool(block)

    def _shrink(self) -> None:
        """Take out of the window what a huge value has left in it: all that looks through the window takes longer."""
        ahead = StringIO()
        ahead.write(self._seen[self._place + BLOCK :])
        ahead.write(self._ahead.read())
        self._ahead, self._ahead_left = ahead, ahead.tell()
        ahead.seek(0)
        self._end -= self._place
        self._seen, self._place = self._seen[self._place : self._place + BLOCK], 0

    def skip(self, what: str) -> str:
        """Go past all characters of `what`; the one that comes then, "" at the end."""
        while True:
            while self._place < len(self._seen) and self._seen[self._place] in what:
                self._place += 1
            if self._place < len(self._seen):
                return self._seen[self._place]
            if not self._more():
                return ""

    def step(self, count: int = 1) -> None:
        """Go past so many characters."""
        self._place += count

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Whether what comes next, as far as it was read, looks like that."""
        return pattern.match(self._seen, self._place)

    def is_long(self) -> bool:
        """Whether the value that begins here is longer than one block."""
        return self._long and self.peek(0) is None

    def peek(self, ahead: int) -> object:
        """The value that begins so many characters ahead; None where it ends beyond what was read so far."""
        try:
            return self._decode(self._seen, self._place + ahead)[0]
        except (json.JSONDecodeError, RecursionError):
            return None

    def indentation(self) -> str:
        """The white space that stands before this place in its line; "" where something else does."""
        before = self._seen[self._seen.rfind("\n", 0, self._place) + 1 : self._place]
        return before if before.isspace() else ""

    def start(self, length: int = 60) -> str:
        """What comes next, up to the end of the line."""
        return (self._seen[self._place : self._place + length].splitlines() or [""])[0]

    def value(self) -> tuple[object, str | None]:
        """The value that begins here, and its text; the place is then behind it. The text is None where it is certain
        that it is whole characters.

        Raises:
            json.JSONDecodeError, RecursionError, TooLarge: there is none, or it is nested too deeply or too large; the
                place stays.
        """
        self.repeated.clear()
        if self._place > BLOCK:
            self._shrink()
        if self._between:
            value = self._quickly()
            if value is not None:
                return value, None
        while True:
            self.repeated.clear()
            start = self._place
            if len(self._seen) - start > COUNTED_FROM and has_too_many_parts(self._seen, start):
                self._reached = len(self._seen)
                raise TooLarge.many()
            try:
                value, end = self._decode(self._seen, start)
            except json.JSONDecodeError as error:
                self._reached = error.pos
                open_ended = error.msg.startswith("Unterminated string") or len(self._seen) - error.pos < _NEAR
                if open_ended and len(self._seen) - start > LONGEST:
                    raise TooLarge.long() from error
                if not open_ended or not self._more():
                    raise
                continue
            except RecursionError:
                self._reached = start + _TOO_DEEP
                raise
            if end - start > LONGEST:
                raise TooLarge.long()
            # A number or word at the end of the window may go on in the next block.
            if end < len(self._seen) or not self._more():
                text, self._place = self._seen[start:end], end
                self._learn(start, end)
                return value, text

    def _learn(self, start: int, end: int) -> None:
        """From two values that follow one another, what stands between them: where the next ones will end."""
        if 0 <= self._end <= start:
            between = self._seen[self._end : start]
            first = _FIRST_KEY.match(self._seen, start)
            if first and len(between) < 100:
                self._between = between + ("{" if "\n" in between else first[0])
        self._length = end - start
        self._end = end

    def chat(self, typical: Typical) -> Chat | None:
        """The typical record that begins here, read; the place is then behind it. None where there is none."""
        end = self._likely_end() if self._between else -1
        if end < 0:
            return None
        text = self._seen[self._place : end]
        found = typical.read(text)
        if found is None or _SPACED_COLON.search(text):
            return None
        self._length = end - self._place
        self._place = self._end = end
        return found

    def _likely_end(self) -> int:
        """Where the object that begins here seems to end; -1 where that is not known."""
        near = min(max(_NEXT, 16 * self._length), 2 * BLOCK)
        while (end := self._seen.find(self._between, self._place, self._place + near)) < 0:
            if len(self._seen) - self._place > near or not self._more():
                return -1
        return end

    def _quickly(self) -> dict[str, object] | None:
        """The object that begins here, by a faster decoder that is sure to give the same; None where it might not.

        It keeps no number as it is written, and of a key given twice the last alone: so neither may be there.
        """
        end = self._likely_end()
        if end < 0:
            return None
        text = self._seen[self._place : end]
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        if type(value) is not dict or _SPACED_COLON.search(text):
            return None
        keys = keys_inside(value)
        if keys < 0 or text.count('":') != keys:
            return None
        self._length = end - self._place
        self._place = self._end = end
        return value

    def breaks_off(self, error: json.JSONDecodeError) -> bool:
        """Whether that error of `value` says that the text ends inside the value."""
        return error.msg.startswith("Unterminated string") or not _SOMETHING.search(self._seen, error.pos)

    def pass_over(self, mark: str) -> tuple[str, bool, bool]:
        """Go to the next line that begins with `mark`, or to the end.

        Returns the beginning of what was passed over, whether there is such a line, and, where there is none, whether
        more than one line was passed over.
        """
        mark = "\n" + mark
        raw, lines = "", False
        while True:
            end = self._seen.find(mark, self._place)
            # A mark may begin at the very end of what was read so far.
            stop = end if end >= 0 else max(self._place, len(self._seen) - len(mark) + 1)
            raw = (raw + self._seen[self._place : min(stop, self._place + _RAW)])[:_RAW]
            if end >= 0:
                self._place = end + 1
                self.wasted += max(0, self._reached - self._place)
                return raw, True, False
            lines = lines or "\n" in self._seen[self._place :].rstrip()
            self._place = stop
            if not self._more():
                raw = (raw + self._seen[self._place :])[:_RAW]
                self._place = len(self._seen)
                return raw, False, lines
