"""How large the batches of an Arrow stream become when they are unpacked, told before they are.

The layout is that of Arrow's Message.fbs. Each buffer of a packed body begins with its size in eight bytes, -1 where it
is not packed after all.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from formats.archives import Stream

_GOES_ON = b"\xff\xff\xff\xff"
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2  # of the union MessageHeader


def unpacked_sizes(file: Stream) -> Iterator[tuple[int, int]]:
    """(bytes in the file, bytes unpacked) of each batch of the stream that begins where `file` stands.

    Raises:
        struct.error, ValueError, OSError: it is damaged.
    """
    while head := file.read(4):
        size = _number("<I", file.read(4) if head == _GOES_ON else head, 0)
        if not size:
            return
        metadata = file.read(size)
        begin = file.tell()
        message = _number("<I", metadata, 0)
        length = _at(metadata, message, 3)
        body = _number("<q", metadata, length) if length else 0
        yield body, _unpacked(file, metadata, message, begin, body)
        file.seek(begin + body)


def _unpacked(file: Stream, metadata: bytes, message: int, begin: int, body: int) -> int:
    """The size of a message's body once it is unpacked; it begins at the byte `begin` of the file."""
    header, kind = _at(metadata, message, 2), _at(metadata, message, 1)
    if not header or not kind:
        return body
    batch = _followed(metadata, header)
    what = _number("<B", metadata, kind)
    if what == _DICTIONARY_BATCH:
        batch = _followed(metadata, _at(metadata, batch, 1))
    elif what != _RECORD_BATCH:
        return body
    buffers = _at(metadata, batch, 2)
    if not buffers or not _at(metadata, batch, 3):  # not packed
        return body
    first = _followed(metadata, buffers)
    whole = 0
    for number in range(_number("<I", metadata, first)):
        start, length = struct.unpack_from("<qq", metadata, first + 4 + 16 * number)
        if length >= 8:
            file.seek(begin + start)
            size = _number("<q", file.read(8), 0)
            whole += length - 8 if size < 0 else size
    return whole


def _at(data: bytes, table: int, field: int) -> int:
    """Where a field of a table stands; 0 where it is left out."""
    fields = table - _number("<i", data, table)
    place = 4 + 2 * field
    offset = _number("<H", data, fields + place) if place < _number("<H", data, fields) else 0
    return table + offset if offset else 0


def _followed(data: bytes, place: int) -> int:
    return place + _number("<I", data, place)


def _number(form: str, data: bytes, place: int) -> int:
    if place < 0:
        raise struct.error("an offset points before the message")
    return int(struct.unpack_from(form, data, place)[0])
