"""What Gradio keeps of sessions and of their events: each under a plain name, of an event nothing once it is over."""

from __future__ import annotations

import re
from typing import Any

from gradio.queueing import Queue
from gradio.state_holder import SessionState, StateHolder
from starlette.exceptions import HTTPException

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Sessions(StateHolder):
    """The state of each session, by the name that its requests give it."""

    def __getitem__(self, session_id: str) -> SessionState:
        """As Gradio's, which makes a state for a name that is new.

        Raises:
            HTTPException: it is no plain name. Gradio makes tables of names, which not every text can be part of, and
                keeps them, however long they are.
        """
        if not _PLAIN.fullmatch(session_id):
            raise HTTPException(400, "The session's name is not made of letters and digits.")
        return super().__getitem__(session_id)


class EventQueue(Queue):
    """Gradio's queue of events without its statistics: nothing reads them, and at the end of each event Gradio goes
    through those of all. What goes wrong there would keep the event, with all that it brought, for good."""

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

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:
        return {"functions": {}}
