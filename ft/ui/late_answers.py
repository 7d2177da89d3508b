"""Which answers come too late: those to a question that the same page has asked again since.

The page numbers what it asks (see `address.SCRIPT`). Only events that may be asked again before they are answered are
looked at (`trigger_mode` "multiple"), and those that ask the same as one of these: the same function, for the same
components.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from functools import partial
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.queueing import Event

NUMBER = "x-sidetune-question"  # the header with the number of what is asked
_PAGES = 200  # that are remembered: as many as Gradio keeps sessions of, and more


class Answered:
    """The number of the last question of each kind that was answered, for each page."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, dict[Any, int]] = OrderedDict()

    def note(self, event: BlockFunction, request: gr.Request) -> None:
        """An event is answered."""
        number, page = _number(request), request.session_hash
        if not number or not page or event.trigger_mode != "multiple":
            return
        known = self._pages.setdefault(page, {})
        self._pages.move_to_end(page)
        known[_question(event)] = max(number, known.get(_question(event), 0))
        while len(self._pages) > _PAGES:
            self._pages.popitem(last=False)

    def is_late(self, event: BlockFunction, request: gr.Request, waiting: Iterable[Event]) -> bool:
        """Whether a later question of the same kind has been answered, or is among those that are `waiting`."""
        page = request.session_hash
        if not page:
            return False
        asked, number = _question(event), _number(request)
        if 0 < number < self._pages.get(page, {}).get(asked, 0):
            return True
        return any(
            later.session_hash == page and later.fn.trigger_mode == "multiple" and _question(later.fn) == asked
            for later in waiting
        )


def _number(request: gr.Request) -> int:
    """The number that the page gave the question; 0 where it gave none."""
    text = str(request.headers.get(NUMBER, ""))
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def _question(event: BlockFunction) -> Any:
    fn = event.fn
    asked = (fn.func, fn.args, tuple(fn.keywords.items())) if isinstance(fn, partial) else (fn, (), ())
    return asked, tuple(block._id for block in event.outputs)
