"""Wrong guesses at the password are slowed down, of one address and in all, and a right one is not."""

from __future__ import annotations

import asyncio
import logging

import pytest
from answers import waited
from starlette.responses import JSONResponse

from ft.ui import login
from ft.ui.http_refusal import Refusal
from ft.ui.login import Login
from ft.ui.own_names import OwnNames
from ft.ui.server import GuardedApp


class Door:
    """A login whose time passes only while it waits."""

    def __init__(self) -> None:
        self.now, self.waited, self.guessed = 0.0, 0.0, 0
        self.login = Login("ada", "pässword", clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds
        self.waited += seconds

    async def guess(
        self, right: bool = False, address: str = "10.0.0.1", body: tuple[str, ...] = ("all",), leaves: bool = False
    ) -> int:
        """The status of the answer; 0 for none. The body comes in parts, of which "..." never does."""
        answer = []
        parts = list(body)

        async def app(scope, receive, send):
            self.guessed += 1
            await asyncio.sleep(0)
            await JSONResponse({}, 200 if right else 400)(scope, receive, send)

        async def receive():
            if parts and parts[0] != "...":
                return {"type": "http.request", "body": parts.pop(0).encode(), "more_body": bool(parts)}
            if leaves:
                return {"type": "http.disconnect"}
            await asyncio.Event().wait()

        async def send(message):
            answer.append(message.get("status"))

        scope = {"type": "http", "client": (address, 1), "method": "POST", "path": "/login", "headers": []}
        try:
            await self.login.slowed(app, scope, receive, send)
        except Refusal as refusal:
            return refusal.status
        return answer[0] if answer else 0


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


def test_a_guess_that_does_not_come_takes_nobodys_turn(monkeypatch):
    async def guesses() -> list[int]:
        hung = [asyncio.ensure_future(door.guess(body=("username=", "..."), address=f"10.0.{n}.1")) for n in range(50)]
        await asyncio.sleep(0.05)
        assert await door.guess(right=True) == 200 and await door.guess(right=True, address="10.0.9.1") == 200
        return await asyncio.gather(*hung)

    monkeypatch.setattr(login, "_BODY_SECONDS", 0.5)
    door = Door()
    assert waited(guesses()) == [408] * 50 and door.waited == 0 and door.guessed == 2


def test_a_guess_is_no_longer_than_a_name_and_a_password():
    assert waited(Door().guess(body=("x" * 40_000, "x" * 40_000))) == 413


@pytest.mark.parametrize("address", ["10.0.0.2", "2001:db8:1:2::7"])
def test_one_address_that_guesses_keeps_no_other_from_signing_in(address):
    async def guesses() -> int:
        tries = [asyncio.ensure_future(door.guess()) for _ in range(60)]
        tries += [asyncio.ensure_future(door.guess(address=f"2001:db8:1:1::{n}")) for n in range(60)]
        await asyncio.sleep(0)
        begun = door.now
        status = await door.guess(right=True, address=address)
        took = door.now - begun
        await asyncio.gather(*tries)
        return status, took

    door = Door()
    status, took = waited(guesses())
    assert status == 200 and took <= 3 * 16  # the clock of the test stands for the sleeps of all, one after the other


def test_who_leaves_gives_the_turn_back():
    async def guesses() -> None:
        for _ in range(5):
            await door.guess()
        left = [asyncio.ensure_future(door.guess(leaves=True)) for _ in range(30)]
        assert set(await asyncio.gather(*left)) <= {0, 429}
        assert await door.guess(right=True) == 200

    door = Door()
    waited(guesses())
    assert door.guessed == 6


def test_a_login_is_over_after_a_week():
    door = Door()
    app = GuardedApp(OwnNames.of("127.0.0.1"), door.login)
    app.cookie_id, app.tokens = "x", {"secret": "ada", "other": "ada"}
    cookie = {"access-token-x": "secret"}
    assert app._signed_in(cookie)
    door.now += 6 * 24 * 3600
    assert app._signed_in(cookie) and app._signed_in({"access-token-unsecure-x": "other"})
    door.now += 2 * 24 * 3600
    assert not app._signed_in(cookie) and app._signed_in({"access-token-unsecure-x": "other"})
    assert app.tokens == {"other": "ada"} and not app._signed_in({"access-token-x": "never"})
