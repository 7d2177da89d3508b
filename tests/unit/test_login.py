"""Wrong guesses at the password are slowed down, of one address and in all, and a right one is not."""

from __future__ import annotations

import asyncio
import logging

from answers import waited
from starlette.responses import JSONResponse

from ft.ui.http_refusal import Refusal
from ft.ui.login import Login


class Door:
    """A login whose time passes only while it waits."""

    def __init__(self) -> None:
        self.now, self.waited, self.guessed = 0.0, 0.0, 0
        self.login = Login("ada", "pässword", clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds
        self.waited += seconds

    async def guess(self, right: bool = False, address: str = "10.0.0.1") -> int:
        """The status of the answer."""
        answer = []

        async def app(scope, receive, send):
            self.guessed += 1
            await asyncio.sleep(0)
            await JSONResponse({}, 200 if right else 400)(scope, receive, send)

        async def receive():
            return {"type": "http.request"}

        async def send(message):
            answer.append(message.get("status"))

        scope = {"type": "http", "client": (address, 1), "method": "POST", "path": "/login", "headers": []}
        try:
            await self.login.slowed(app, scope, receive, send)
        except Refusal as refusal:
            return refusal.status
        return answer[0]


def test_the_name_and_the_password_are_both_needed():
    login = Login(" ada", "pässword")
    assert login.accepts("ada", "pässword")
    assert not any(login.accepts(*wrong) for wrong in [("ada", ""), ("eve", "pässword"), ("", ""), ("ada", "pässworD")])


def test_a_few_wrong_guesses_are_quick_and_more_take_longer_and_longer(caplog):
    async def guesses(number: int) -> list[float]:
        took = []
        for _ in range(number):
            before = door.now
            assert await door.guess() == 400
            took.append(door.now - before)
        return took

    door = Door()
    with caplog.at_level(logging.WARNING, "sidetune"):
        took = waited(guesses(12))
    assert took == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 16, 16]
    assert len(caplog.records) == 1 and "10.0.0.1" in caplog.text and "pässword" not in caplog.text


def test_a_right_guess_is_not_slowed_and_forgives_its_address():
    async def guesses() -> None:
        for _ in range(4):
            await door.guess()
        assert await door.guess(right=True) == 200
        for _ in range(5):
            await door.guess()

    door = Door()
    waited(guesses())
    assert door.waited == 0


def test_many_guesses_at_once_are_no_faster_than_one_after_the_other():
    async def guesses() -> list[int]:
        return await asyncio.gather(*(door.guess() for _ in range(200)))

    door = Door()
    answers = waited(guesses())
    assert door.guessed <= 13 and answers.count(429) == 200 - door.guessed
    assert door.waited >= 8 * 1


def test_many_addresses_are_slowed_in_all():
    async def guesses() -> None:
        for number in range(100):
            await door.guess(address=f"10.0.{number}.1")

    door = Door()
    waited(guesses())
    assert door.waited >= 79 * 1


def test_guesses_are_forgotten_after_a_while():
    async def guesses() -> None:
        for _ in range(5):
            await door.guess()
        door.now += 1000
        for _ in range(5):
            await door.guess()

    door = Door()
    waited(guesses())
    assert door.waited == 0
