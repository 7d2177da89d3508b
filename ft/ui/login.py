"""The password of a hosted page: compared in constant time, and wrong guesses slowed down."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from anyio import CancelScope, create_task_group, fail_after
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft.ui.http_refusal import Refusal

_QUICK, _LONGEST = 5, 16.0  # of one address: wrong guesses that cost nothing, and the longest delay in seconds
_QUICK_IN_ALL, _LONGEST_IN_ALL = 20, 2.0  # of all addresses together
_FORGOTTEN = 900.0  # seconds after the last wrong guess
_WAITING = 4  # guesses of one address that may wait at once
_BODY, _BODY_SECONDS = 64 * 1024, 10.0  # what a guess may bring, and how long that may take
_ADDRESSES = 10_000  # that are kept apart
_LASTS = 7 * 24 * 3600.0  # seconds that somebody stays signed in
_WRONG = 400  # what Gradio answers to a wrong guess
_log = logging.getLogger("sidetune")


@dataclass(slots=True)
class _Guesses:
    """Guesses of one address, or of all: how many were `wrong`, among them those still being answered."""

    quick: int
    longest: float
    wrong: int = 0
    waiting: int = 0
    last: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one after the other, or all would wait the same time

    def delay(self) -> float:
        return min(2.0 ** (self.wrong - self.quick - 1), self.longest) if self.wrong > self.quick else 0.0


class Login:
    """`user` and `password` are what visitors must give. `clock` gives seconds, `sleep` waits for some."""

    def __init__(
        self,
        user: str,
        password: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._user, self._password = user.strip().encode(), password.encode()  # Gradio strips the name that comes
        self._clock, self._sleep = clock, sleep
        self._all = _Guesses(_QUICK_IN_ALL, _LONGEST_IN_ALL)
        self._by_address: dict[str, _Guesses] = {}
        self._since: dict[str, float] = {}  # when each login was seen first

    def accepts(self, user: str, password: str) -> bool:
        """Whether these are the name and the password. Takes as long for a wrong name as for a wrong password."""
        right_user = hmac.compare_digest(user.encode(), self._user)
        right_password = hmac.compare_digest(password.encode(), self._password)
        return right_user and right_password

    def lasts(self, token: str) -> bool:
        """Whether the login with that token is not over yet: it lasts a week from when it is first seen."""
        now = self._clock()
        return now - self._since.setdefault(token, now) <= _LASTS

    async def slowed(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one guess on to `app`, after the delay that the wrong ones before it have earned. Those of an address
        wait for one another, and then for one guess of each other address at most.

        Raises:
            Refusal: it does not come, or too many of its address wait already.
        """
        came = await _whole(receive)  # a guess that does not come takes nobody's turn
        address = _network((scope.get("client") or ("an unknown address", 0))[0])
        mine = self._of(address)
        counted = (mine, self._all)
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        for guesses in counted:
            guesses.wrong += 1  # until it proves right: else as many at once as one likes would cost nothing
            guesses.last = self._clock()
        try:
            if await self._has_waited(mine, address, receive):
                await app(scope, _again(came, receive), watch)
        finally:
            if status != _WRONG:
                for guesses in counted:
                    guesses.wrong -= 1
            if status == 200:
                self._by_address.pop(address, None)

    async def _has_waited(self, mine: _Guesses, address: str, receive: Receive) -> bool:
        """Wait for one's turn; False where whoever guessed has gone meanwhile."""
        if not (mine.delay() or self._all.delay()):
            return True
        if mine.waiting >= _WAITING:
            raise Refusal(429, "Too many wrong guesses. Wait a minute, then try again.")
        for guesses in (mine, self._all):
            if guesses.wrong == guesses.quick + 1:
                _log.warning("login: %d wrong guesses (the last from %s): now each waits", guesses.quick, address)
        mine.waiting += 1
        done = False
        try:
            async with create_task_group() as group:
                group.start_soon(_cancel_once_gone, receive, group.cancel_scope)
                async with mine.turn:
                    await self._sleep(mine.delay())
                    async with self._all.turn:
                        await self._sleep(self._all.delay())
                done = True
                group.cancel_scope.cancel()
        finally:
            mine.waiting -= 1
        return done

    def _of(self, address: str) -> _Guesses:
        now = self._clock()
        if now - self._all.last > _FORGOTTEN:
            self._all.wrong = 0
        known = self._by_address.get(address)
        if known is not None and now - known.last <= _FORGOTTEN:
            return known
        if len(self._by_address) >= _ADDRESSES:
            self._by_address = {a: g for a, g in self._by_address.items() if now - g.last <= _FORGOTTEN}
        new = _Guesses(_QUICK, _LONGEST)
        if len(self._by_address) < _ADDRESSES:
            self._by_address[address] = new
        return new


def _network(address: str) -> str:
    """What of an address one person may have all of: an IPv6 network of 64 bits, else the address itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return address
    mapped = found.ipv4_mapped
    return str(mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))


async def _whole(receive: Receive) -> list[Message]:
    """The messages of a request's whole body.

    Raises:
        Refusal: it is too large, or does not come in time.
    """
    came: list[Message] = []
    size, more = 0, True
    try:
        with fail_after(_BODY_SECONDS):
            while more:
                came.append(message := await receive())
                size += len(message.get("body", b""))
                more = message["type"] == "http.request" and bool(message.get("more_body"))
                if size > _BODY:
                    raise Refusal(413, "That is too long for a name and a password.")
    except TimeoutError as error:
        raise Refusal(408, "The name and the password did not come in time.") from error
    return came


def _again(came: list[Message], receive: Receive) -> Receive:
    """`receive` that gives once more what came already."""

    async def again() -> Message:
        return came.pop(0) if came else await receive()

    return again


async def _cancel_once_gone(receive: Receive, scope: CancelScope) -> None:
    """Cancel what waits once the one who asked has gone: nothing else comes after a whole body."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
