"""What follows a choice is not drawn over a later choice: of several answers on their way, only the last is given."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest

from ft.ui.late_answers import NUMBER
from ft.ui.page import Page
from ft.ui.tab import PRIVATE, SHARED_EVENT

WAITS = 30  # seconds that the queue may take


class Asked:
    """A page with one list and what follows it, which can be held up."""

    def __init__(self, trigger_mode: str = "multiple") -> None:
        self.go_on, self.hear = threading.Event(), threading.Event()
        self.asked: list[str] = []
        with Page() as self.page:
            chosen, shown, drawn = gr.Textbox(), gr.Textbox(), gr.State("")
            chosen.change(
                self.follow, [chosen, drawn], [shown, drawn], **{**SHARED_EVENT, "trigger_mode": trigger_mode}
            )
            chosen.submit(self.other, chosen, shown, **PRIVATE)
            shown.input(self.heard, shown, drawn, **{**PRIVATE, "trigger_mode": "multiple"})
        self.page.queue(api_open=False)
        _, self.url, _ = self.page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)

    def follow(self, name: str, drawn: str) -> tuple[str, str]:
        self.asked.append(name)
        assert self.go_on.wait(WAITS)
        return f"{name}, after {drawn or 'nothing'}", name

    def other(self, name: str) -> str:
        return name

    def heard(self, name: str) -> str:
        assert self.hear.wait(WAITS)
        return name

    def ask(self, name: str, session: str = "one", fn: int = 0, number: int = 0) -> str:
        """`number`: which question of its page it is, as a browser tells; 0: it does not."""
        headers = {NUMBER: str(number)} if number else {}
        body = {"fn_index": fn, "session_hash": session, "data": [name, None][: 1 if fn else 2], "trigger_id": 1}
        return (
            httpx.post(f"{self.url}gradio_api/queue/join", json=body, headers=headers)
            .raise_for_status()
            .json()["event_id"]
        )

    def wait_for(self, number: int) -> None:
        """Until so many questions wait behind the one that is being answered."""
        deadline = time.monotonic() + WAITS
        while sum(len(each.queue) for each in self.page._queue.event_queue_per_concurrency_id.values()) < number:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def wait_until_only(self, name: str) -> None:
        """Until nothing else is being answered."""
        deadline = time.monotonic() + WAITS
        while {each.fn.name for events in self.page._queue.active_jobs for each in events or ()} - {name}:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def answers(self, number: int, session: str = "one") -> dict[str, list]:
        """The data that came for each event, once so many have ended."""
        found: dict[str, list] = {}
        address = f"{self.url}gradio_api/queue/data?session_hash={session}"
        with httpx.stream("GET", address, timeout=WAITS) as stream:
            for line in stream.iter_lines():
                told = json.loads(line.removeprefix("data: ")) if line else {}
                if told.get("msg") == "process_completed":
                    found[told["event_id"]] = told["output"]["data"]
                    if len(found) == number:
                        break
        return found


@pytest.fixture
def asked(request) -> Iterator[Asked]:
    app = Asked(*getattr(request, "param", ()))
    yield app
    app.go_on.set()
    app.hear.set()
    app.page.close()


def drawn(data: list) -> str | None:
    return None if isinstance(data[0], dict) else data[0]


def test_of_several_choices_only_the_last_is_answered(asked):
    events = [asked.ask("first")]
    while not asked.asked:
        time.sleep(0.01)
    events += [asked.ask("second"), asked.ask("third")]
    asked.wait_for(2)
    asked.go_on.set()
    found = asked.answers(3)
    assert [drawn(found[event]) for event in events] == [None, None, "third, after nothing"]
    assert asked.asked == ["first", "third"]  # and the second was not even worked out


def test_another_page_and_another_question_are_answered_too(asked):
    events = [asked.ask("first")]
    while not asked.asked:
        time.sleep(0.01)
    events += [asked.ask("else", fn=1)]
    other = asked.ask("theirs", "two")
    asked.wait_for(1)
    asked.go_on.set()
    found = asked.answers(2)
    assert [drawn(found[event]) for event in events] == ["first, after nothing", "else"]
    assert drawn(asked.answers(1, "two")[other]) == "theirs, after nothing"


@pytest.mark.parametrize("asked", [("once",)], indirect=True)
def test_what_follows_no_choice_is_answered_each_time(asked):
    events = [asked.ask("first")]
    while not asked.asked:
        time.sleep(0.01)
    events += [asked.ask("second")]
    asked.wait_for(1)
    asked.go_on.set()
    found = asked.answers(2)
    assert [drawn(found[event]) for event in events] == ["first, after nothing", "second, after first"]


def test_a_question_that_comes_after_a_later_one_is_not_answered(asked):
    asked.go_on.set()
    late = asked.ask("second", number=8), asked.ask("first", number=7), asked.ask("third", number=9)
    found = asked.answers(3)
    assert drawn(found[late[1]]) is None and drawn(found[late[2]]).startswith("third")


def test_a_question_that_came_before_an_earlier_one_is_answered(asked):
    """Two connections may bring what a page asked in another order, while the later question is worked on."""
    late = asked.ask("second", number=8)
    while not asked.asked:
        time.sleep(0.01)
    early = asked.ask("first", number=7)
    asked.wait_for(1)
    asked.go_on.set()
    found = asked.answers(2)
    assert drawn(found[late]) == "second, after nothing" and drawn(found[early]) is None


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "still asked"])
def test_what_somebody_chose_since_is_not_written_over(asked, answered):
    """`follow` writes the second box, in which somebody has written before it answers."""
    first = asked.ask("first", number=1)
    while not asked.asked:
        time.sleep(0.01)
    mine = asked.ask("mine", fn=2, number=2)
    if answered:
        asked.hear.set()
        asked.wait_until_only("follow")
    asked.go_on.set()
    asked.wait_until_only("heard")
    asked.hear.set()
    second = asked.ask("second", number=3)
    found = asked.answers(3)
    assert drawn(found[first]) is None and mine in found and drawn(found[second]).startswith("second")
