"""What Gradio keeps of sessions and of their events: each under a plain name, of an event nothing once it is over."""

from __future__ import annotations

import asyncio
import re
import time
from types import SimpleNamespace
from typing import Any

from gradio.queueing import Event, Queue
from gradio.server_messages import EstimationMessage, EventMessage, ProcessCompletedMessage
from gradio.state_holder import SessionState, StateHolder
from starlette.exceptions import HTTPException

from ft.ui.body_limit import MB, OTHER

WAITING, WAITING_OF_ONE = 1_000, 100  # events at once; of one session: a page that opens asks about forty
WAITING_BYTES = 256 * MB  # that they brought together
UNHEARD_SECONDS = 60.0  # after which what a session asked for is ended where it has read nothing of what it is told
UNREAD = 100  # messages of a session, after which it is not told any more how long it may take
_LOOKS_AGAIN = 0.02  # seconds until an idle queue looks for events; Gradio's millisecond took a twentieth of a core
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOBODY_HEARD = "Nobody listened to what was asked for, so it was ended. Ask again, and listen to the answer."
_NOT_PLAIN = "The session's name is not made of letters and digits."


class Session(SessionState):
    """The state of one session, without what Gradio 6.31 keeps of it for links that lead to a page as it was, which
    this page does not offer: a copy of its layout, which takes a tenth of a second to make, with each value that it
    sent, however large, also of what was refused."""

    def __init__(self, blocks: Any) -> None:
        nothing_to_copy: Any = SimpleNamespace(default_config=blocks.default_config, blocks={})
        super().__init__(nothing_to_copy)

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class Sessions(StateHolder):
    """The state of each session, by the name that its requests give it."""

    def __getitem__(self, session_id: str) -> SessionState:
        """As Gradio's, which makes a state for a name that is new.

        Raises:
            HTTPException: it is no plain name. Gradio makes tables of names, which not every text can be part of, and
                keeps them, however long they are.
        """
        if not _PLAIN.fullmatch(session_id):
            raise HTTPException(400, _NOT_PLAIN)
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


class EventQueue(Queue):
    """Gradio's queue of events, with limits: of those that wait, of what they brought, of what a session is told
    that nobody reads, and of how long its events are worked on then. Gradio 6.31 notices who leaves, not who never
    came; it has no other of these limits, and where it has a message for a session that is gone it stops for good.

    It is without its statistics: nothing reads them, and at the end of each event Gradio goes through those of all.
    What goes wrong there would keep the event, with all that it brought, for good."""

    def __init__(self, queue: Queue) -> None:
        """One with the settings of `queue`."""
        super().__init__(
            queue.live_updates,
            queue.max_thread_count,
            queue.update_intervals,
            queue.max_size,
            queue.blocks,
            queue.default_concurrency_limit,
        )
        self.ANALYTICS_MAX_EVENTS = 0
        self._unread: dict[str, tuple[EventMessage, float]] = {}  # the first message, and when it was first seen
        self.sleep_when_free = self.progress_update_sleep_when_free = _LOOKS_AGAIN

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """As Gradio's, which takes an event in.

        Raises:
            HTTPException: its session has no name.
        """
        if not body.session_hash and body.session_hash is not None:
            raise HTTPException(400, _NOT_PLAIN)
        waiting = [event for line in self.event_queue_per_concurrency_id.values() for event in line.queue]
        mine = sum(event.session_hash == body.session_hash for event in waiting)
        brought = sum(_brought(event.request) for event in waiting)
        if len(waiting) >= WAITING or mine >= WAITING_OF_ONE or brought + _brought(request) > WAITING_BYTES:
            return False, "Too much waits to be answered already. Try again in a moment.", "queue_full"
        return await super().push(body, request, username)

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """As Gradio's, which tells the event's session something; not one that is gone, or does not read."""
        unread = self.pending_messages_per_session.get(event.session_hash)
        if unread is None:
            event.alive = False
        elif not isinstance(event_message, EstimationMessage) or unread.qsize() < UNREAD:
            super().send_message(event, event_message)

    async def start_processing(self) -> None:
        """As Gradio's, which has the events answered; and ends those that nobody hears of."""
        watch = asyncio.create_task(self._end_unheard())
        try:
            await super().start_processing()
        finally:
            watch.cancel()

    async def _end_unheard(self) -> None:
        while True:
            await asyncio.sleep(UNHEARD_SECONDS / 4)
            for session in self._unheard(time.monotonic()):
                for event in [each for each in self._events() if each.session_hash == session]:
                    told = ProcessCompletedMessage(output={"error": _NOBODY_HEARD}, success=False)
                    self.send_message(event, told)
                await self.clean_events(session_hash=session)

    def _unheard(self, now: float) -> list[str]:
        """The sessions with events of which nobody has read the first message for so long."""
        asking = {event.session_hash for event in self._events()}
        self._unread = {session: seen for session, seen in self._unread.items() if session in asking}
        found = []
        for session in asking:
            messages = self.pending_messages_per_session.get(session)
            first = next(iter(messages._queue), None) if messages is not None else None
            if first is None:
                self._unread.pop(session, None)
            elif self._unread.get(session, (None,))[0] is not first:
                self._unread[session] = (first, now)
            elif now - self._unread[session][1] >= UNHEARD_SECONDS:
                found.append(session)
        return found

    def _events(self) -> list[Event]:
        """Those that wait, and those that are worked on."""
        waiting = [event for line in self.event_queue_per_concurrency_id.values() for event in line.queue]
        return [*waiting, *(event for events in self.active_jobs for event in events or () if event.alive)]

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:
        return {"functions": {}}


def _brought(request: Any) -> int:
    """The bytes that came with a request; as many as may come where it did not say how many."""
    length = request.headers.get("content-length", "") if request is not None else "0"
    return int(length) if length.isdecimal() else OTHER
