"""Which answers come too late: those to a question that the same page has asked again since; and of any answer what it
would write over something that a person has chosen since.

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
_CHOSEN = ("input", "select", "release")  # events that a person alone brings about
_DATASET = "sidetune-dataset"  # the name under which a browser keeps the dataset that is looked at
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
        for asked in (_question(event), *_choices(event)):
            known[asked] = max(number, known.get(asked, 0))
        while len(self._pages) > _PAGES:
            self._pages.popitem(last=False)

    def is_late(self, event: BlockFunction, request: gr.Request, waiting: Iterable[Event]) -> bool:
        """Whether a later question of the same kind has been answered, or is among those that are `waiting`: those came
        here later, but a page's connections may bring a question before an earlier one."""
        page = request.session_hash
        if not page:
            return False
        asked, number = _question(event), _number(request)
        if 0 < number < self._pages.get(page, {}).get(asked, 0):
            return True
        return any(
            other.session_hash == page
            and other.fn.trigger_mode == "multiple"
            and _question(other.fn) == asked
            and not 0 < _number(other.request) < number
            for other in waiting
        )

    def chosen_since(self, event: BlockFunction, request: gr.Request, going: Iterable[Event]) -> set[int]:
        """The outputs of the event in which somebody has chosen something since it was asked: the ids of their blocks.
        `going`: the events that wait or are worked on."""
        page, number = request.session_hash, _number(request)
        if not page or not number:
            return set()
        chosen = {block: later for block, later in self._pages.get(page, {}).items() if isinstance(block, int)}
        for other in going:
            if other.session_hash == page and other.request is not None:
                later = _number(other.request)
                chosen.update({block: max(later, chosen.get(block, 0)) for block in _choices(other.fn)})
        return {block._id for block in event.outputs if chosen.get(block._id, 0) > number}


def _choices(event: BlockFunction) -> list[int]:
    """The blocks that a person chose something in, where that is why the event is asked, and the dataset that is looked
    at where that is what they chose: files that were brought before, and are read now, wait beside it."""
    chosen = [block for block, name in event.targets if name in _CHOSEN and block is not None]
    decided = [block._id for block in event.outputs if getattr(block, "storage_key", "") == _DATASET]
    return [*chosen, *decided] if chosen else []


def _number(request: Any) -> int:
    """The number that the page gave the question; 0 where it gave none."""
    text = str(request.headers.get(NUMBER, "")) if request is not None else ""
    return int(text) if text.isdecimal() and len(text) < 12 else 0


def _question(event: BlockFunction) -> Any:
    fn = event.fn
    asked = (fn.func, fn.args, tuple(fn.keywords.items())) if isinstance(fn, partial) else (fn, (), ())
    return asked, tuple(block._id for block in event.outputs)
