"""The password of a hosted page: compared in constant time, and wrong guesses slowed down."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ft.ui.http_refusal import Refusal

_QUICK, _LONGEST = 5, 16.0  # of one address: wrong guesses that cost nothing, and the longest delay in seconds
_QUICK_IN_ALL, _LONGEST_IN_ALL = 20, 2.0  # of all addresses together
_FORGOTTEN = 900.0  # seconds after the last wrong guess
_WAITING = 8  # guesses that may wait at once
_ADDRESSES = 10_000  # that are kept apart
_WRONG = 400  # what Gradio answers to a wrong guess
_log = logging.getLogger("sidetune")


@dataclass(slots=True)
class _Guesses:
    """Guesses of one address, or of all: how many were `wrong`, among them those still being answered."""

    quick: int
    longest: float
    wrong: int = 0
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
        self._waiting = 0

    def accepts(self, user: str, password: str) -> bool:
        """Whether these are the name and the password. Takes as long for a wrong name as for a wrong password."""
        right_user = hmac.compare_digest(user.encode(), self._user)
        right_password = hmac.compare_digest(password.encode(), self._password)
        return right_user and right_password

    async def slowed(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one guess on to `app`, after the delay that the wrong ones before it have earned.

        Raises:
            Refusal: too many wait already.
        """
        address = (scope.get("client") or ("an unknown address", 0))[0]
        counted = (self._of(address), self._all)
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
            slower = max(counted, key=lambda guesses: guesses.delay())
            if not slower.delay():
                await app(scope, receive, watch)
            elif self._waiting >= _WAITING:
                raise Refusal(429, "Too many wrong guesses. Wait a minute, then try again.")
            else:
                if slower.wrong == slower.quick + 1:
                    _log.warning(
                        "login: %d wrong guesses (the last from %s): from now on each waits", slower.quick, address
                    )
                self._waiting += 1
                try:
                    async with slower.turn:
                        await self._sleep(slower.delay())
                        await app(scope, receive, watch)
                finally:
                    self._waiting -= 1
        finally:
            if status != _WRONG:
                for guesses in counted:
                    guesses.wrong -= 1
            if status == 200:
                self._by_address.pop(address, None)

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
