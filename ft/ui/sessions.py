"""What Gradio keeps of sessions and of their events: each under a plain name, of an event nothing once it is over."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from gradio.queueing import Queue
from gradio.state_holder import SessionState, StateHolder
from starlette.exceptions import HTTPException

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


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
            raise HTTPException(400, "The session's name is not made of letters and digits.")
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
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
