"""How much a request may bring: so much at once, and no more than there is room for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.types import Message, Receive

from ft.ui.http_refusal import Refusal

MB = 1024**2
UPLOAD = 200 * MB  # all files of one request together
OTHER = 64 * MB  # anything else: the longest is a turn that was edited
_FRAMES = MB  # names and boundaries around the files of an upload
_READ_ON = 4 * UPLOAD  # a browser sees an answer only after it has sent everything, or most of it


class BodyLimit:
    """`make_room(bytes)` makes room on disk where it can, and says how many bytes there is room for."""

    def __init__(self, make_room: Callable[[int], int]) -> None:
        self._make_room = make_room
        self._room = 0  # bytes that all uploads together may still bring, since the last of them began

    @asynccontextmanager
    async def of(self, path: str, headers: Headers, receive: Receive) -> AsyncIterator[Receive]:
        """`receive` for one request, which ends it where it brings too much.

        Raises:
            Refusal: it says so beforehand.
        """
        length = headers.get("content-length", "")
        declared = int(length) if length.isdecimal() else None
        if path.rstrip("/") != "/gradio_api/upload":
            if declared is not None and declared > OTHER:
                await _read_on(receive)
                raise Refusal(413, f"The request is too large: the maximum allowed size is {OTHER // MB} MB.")
            yield _counted(receive, OTHER, f"The maximum allowed size is {OTHER // MB} MB.")
            return
        expected = declared if declared is not None else UPLOAD
        if expected > UPLOAD + _FRAMES:
            await _read_on(receive)
            raise Refusal(413, _too_large())
        self._room = await run_sync(self._make_room, expected)
        if declared is not None and declared > self._room:
            await _read_on(receive)
            raise Refusal(413, _no_room())
        yield self._upload(_counted(receive, UPLOAD + _FRAMES, _too_large()))

    def _upload(self, receive: Receive) -> Receive:
        """`receive`, for an upload. What comes takes room, and not what is said to come: that may never."""

        async def bounded() -> Message:
            message = await receive()
            self._room -= len(message.get("body", b""))
            if self._room < 0:
                raise MultiPartException(_no_room())
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload was broken off.")
            return message

        return bounded


def _too_large() -> str:
    return f"The files are too large: the maximum allowed size is {UPLOAD // MB} MB for all of them together."


def _no_room() -> str:
    return (
        "There is no room for the files: what was uploaded in the last hour has reached the maximum allowed size "
        "(SIDETUNE_CACHE_GB), or the disk is nearly full. Try again later, or ask whoever runs this app."
    )


def _counted(receive: Receive, most: int, words: str) -> Receive:
    """`receive`, which raises what Gradio's parser of uploads takes for an end: it then removes what it has written."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise MultiPartException(words)
        return message

    return bounded


async def _read_on(receive: Receive) -> None:
    read = 0
    while read < _READ_ON:
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return
