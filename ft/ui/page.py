"""Gradio's Blocks, with one place where what goes wrong in any event becomes a sentence, and with what lists and charts
need that change while somebody looks."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Set
from contextvars import ContextVar
from functools import partial
from html import escape
from itertools import chain
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.components.native_plot import NativePlot
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio.state_holder import SessionState
from gradio.utils import is_prop_update
from gradio_client.utils import is_file_obj_with_meta, traverse
from pydantic import ValidationError

from ft.errors import UserError
from ft.ui import alerts
from ft.ui.late_answers import Answered
from ft.ui.sessions import EventQueue
from ft.ui.values import require_choice, require_value

_asked: ContextVar[Any] = ContextVar("asked", default=None)  # the request of the event that is answered
# The ids of the blocks that its answer gives a value.
_set: ContextVar[Set[int]] = ContextVar("set", default=frozenset())
_LONGEST_PATH, _LONGEST_NAME = 2048, 255  # characters; bytes of a file's name, as Linux has it


class Page(gr.Blocks):
    """What an event or an endpoint raises reaches people and scripts as the sentence of `alerts.refusal`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.answered = Answered()
        super().__init__(*given, **named)

    def queue(self, *given: Any, **named: Any) -> Page:
        """As Gradio's, which sets up the queue of events."""
        super().queue(*given, **named)
        self._queue = EventQueue(self._queue)
        return self

    async def process_api(self, block_fn: Any, inputs: list[Any], *given: Any, **named: Any) -> dict[str, Any]:
        """As Gradio's, which takes values from the browser through an event and back.

        Raises:
            gr.Error: with the sentence.
        """
        _asked.set(named.get("request"))
        event = block_fn if isinstance(block_fn, BlockFunction) else self.fns[block_fn]
        try:
            if event.fn is None:  # the page does it by itself
                raise UserError("the event", "there is nothing to ask of it.", "See the list of endpoints.")
            if not named.get("iterator"):
                traverse(inputs, _require_upload, is_file_obj_with_meta)
            answer = await super().process_api(block_fn, inputs, *given, **named)
        except Exception as error:
            raised = _as_sentence(error)
            raised.duration = None  # until it is closed
            if event.api_visibility == "private":  # an event of the page, which draws the sentence as HTML
                raised.message = escape(str(raised.message))
            raise raised from None
        # Gradio 6.31 tells the page of each State that is another than as the event began, also where another event
        # made it so: what follows it would be done twice, and an open editor drawn anew.
        set_here = _set.get()
        answer["changed_state_ids"] = [each for each in answer["changed_state_ids"] if each in set_here]
        return answer

    def _chosen_since(self, event: BlockFunction) -> set[int]:
        """The outputs of an event of the page in which somebody has chosen something since it was asked."""
        request = _asked.get()
        if not isinstance(request, gr.Request) or event.api_visibility != "private":
            return set()
        waiting = (each for line in self._queue.event_queue_per_concurrency_id.values() for each in line.queue)
        working = (each for events in self._queue.active_jobs for each in events or ())
        return self.answered.chosen_since(event, request, chain(waiting, working))

    async def call_function(
        self,
        block_fn: BlockFunction | int,
        processed_input: list[Any],
        iterator: AsyncIterator[Any] | None = None,
        requests: gr.Request | list[gr.Request] | None = None,
        *given: Any,
        **named: Any,
    ) -> dict[str, Any]:
        """As Gradio's, which has an event answered. Where it follows what somebody chose, and they have chosen again
        since, nothing is answered: it would be drawn over the choice that they see."""
        event = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        request = requests[0] if isinstance(requests, list) else requests
        late = {"prediction": gr.skip(), "duration": 0.0, "is_generating": False, "iterator": None}
        if self._is_late(event, request):
            return late
        found = await super().call_function(block_fn, processed_input, iterator, requests, *given, **named)
        if self._is_late(event, request):
            return late
        if request is not None:
            self.answered.note(event, request)
        return found

    def _is_late(self, event: BlockFunction, request: gr.Request | None) -> bool:
        if request is None:
            return False
        waiting = self._queue.event_queue_per_concurrency_id.get(event.concurrency_id)
        return self.answered.is_late(event, request, waiting.queue if waiting else ())

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> list[Any]:
        """As Gradio's, which makes of what the browser sent what an event gets. What was chosen of a list that has
        other choices by now passes too: whoever gets it finds out whether it is still there.

        Raises:
            UserError: there are fewer than the event takes, or one is not what its component can have.
        """
        all_of_them, came = len(block_fn.inputs), len(inputs)
        usual = partial(_left_out, block_fn) if block_fn.api_visibility != "private" else _none_left_out
        inputs = [*inputs, *usual(came)]  # a script may have been written before there was another argument
        if len(inputs) < all_of_them:
            least = next(each for each in range(all_of_them + 1) if each + len(usual(each)) >= all_of_them)
            why = f"{came} came, and it takes at least {least}."
            raise UserError("the arguments", why, "See the list of endpoints.")
        inputs = [_as_shown(block, value) for block, value in zip(block_fn.inputs, inputs, strict=False)]
        gone = {
            number: value
            for number, (block, value) in enumerate(zip(block_fn.inputs, inputs, strict=True))
            if state is not None and _no_choice_any_more(block, value, state)
        }
        given = [_nothing(value) if number in gone else value for number, value in enumerate(inputs)]
        if block_fn.api_visibility == "private":  # what scripts give is looked at by the endpoint (`ft.ui.endpoint`)
            for block, value in zip(block_fn.inputs, given, strict=True):
                require_value(block, value)
                require_choice(block, value, state)
        try:
            processed = await super().preprocess_data(block_fn, given, state, explicit_call)
        except (ValidationError, ComponentProcessingError) as error:
            raise UserError("the arguments", "one of them has another form.", "See the list of endpoints.") from error
        return [gone.get(number, value) for number, value in enumerate(processed)]

    async def postprocess_data(self, block_fn: Any, *given: Any, **named: Any) -> list[Any]:
        """As Gradio's, which makes of what an event returned what goes to the browser; of a chart the data go first,
        and what somebody has chosen meanwhile stays chosen."""
        _set.set(_given_a_value(block_fn, given[0] if given else named["predictions"]))
        sent = await super().postprocess_data(block_fn, *given, **named)
        chosen = self._chosen_since(block_fn)
        return [
            _without_value(each)
            if block._id in chosen
            else _data_first(each)
            if isinstance(block, NativePlot)
            else each
            for block, each in zip(block_fn.outputs, sent, strict=True)
        ]

    def handle_streaming_diffs(
        self,
        block_fn: BlockFunction,
        data: list[Any],
        session_hash: str | None,
        run: str | None,
        final: bool,
        simple_format: bool = False,
    ) -> list[Any]:
        """As Gradio's, which makes of what an event yielded what has changed since it yielded last.

        Gradio 6.31 sends all that it yielded last once more when it has ended: on the page that would undo what
        somebody did in the meantime. And a browser that is behind changes the properties of an update within the one
        before, which it has not drawn yet, and never draws: so they are sent whole.
        """
        whole, sent_before = list(data), run in self.pending_diff_streams.get(session_hash or "", {})
        changed = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format)
        if final:
            return [gr.skip() for _ in changed] if block_fn.api_visibility == "private" else changed
        if not sent_before or simple_format:
            return changed
        return [
            [["replace", [], now]] if isinstance(now, dict) and differs else differs
            for now, differs in zip(whole, changed, strict=True)
        ]


def _given_a_value(event: BlockFunction, answer: Any) -> set[int]:
    """The ids of those outputs of the event that its function's answer gives a value."""
    if isinstance(answer, dict) and isinstance(next(iter(answer), None), gr.blocks.Block):
        values = answer
    elif len(event.outputs) == 1:
        values = {event.outputs[0]: answer}
    elif is_prop_update(answer) or not event.outputs:  # one gr.skip() for all
        values = {}
    else:
        values = dict(zip(event.outputs, answer, strict=False))
    return {block._id for block, value in values.items() if not is_prop_update(value) or "value" in value}


def _as_sentence(error: Exception) -> gr.Error:
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, InvalidPathError):
        error = _not_uploaded()
    return gr.Error(str(alerts.refusal(error)), print_exception=False)


def _none_left_out(_: int) -> list[Any]:
    return []


def _left_out(event: BlockFunction, given: int) -> list[Any]:
    """What the arguments of an endpoint are of which a script gave only the first: the function's own default, or else
    what the component holds; up to the first that has neither."""
    parameters = list(inspect.signature(event.fn).parameters.values()) if event.fn else []
    found: list[Any] = []
    for parameter, block in list(zip(parameters, event.inputs, strict=False))[given:]:
        held = getattr(block, "value", None)
        if parameter.default is not parameter.empty:
            found.append(parameter.default)
        elif held is not None and not callable(held):
            found.append(held)
        else:
            break
    return found


def _without_value(update: Any) -> dict[str, Any]:
    """The update of a component, but for what is chosen in it."""
    if isinstance(update, dict) and update.get("__type__") == "update":
        return {name: held for name, held in update.items() if name != "value"}
    return {"__type__": "update"}


def _no_choice_any_more(block: Any, value: Any, state: SessionState) -> bool:
    """Whether the words `value` are none of the choices that an event has given this list since the page was opened."""
    if not isinstance(block, gr.Dropdown | gr.Radio | gr.CheckboxGroup) or block._id not in state:
        return False
    now = state[block._id].choices
    chosen = value if isinstance(value, list) else [value]
    offered = {choice for _, choice in now}
    return now != block.choices and all(isinstance(each, str) for each in chosen) and not offered.issuperset(chosen)


def _nothing(value: Any) -> Any:
    return [] if isinstance(value, list) else None


def _data_first(update: Any) -> Any:
    """Gradio 6.31 sets the properties of an update one after another, the value last, and draws a chart anew at each
    title, legend or limit that is another: then it would draw these with the data from before."""
    return {"value": update["value"], **update} if isinstance(update, dict) and "value" in update else update


def _as_shown(block: Any, value: Any) -> Any:
    """What somebody sees of a value that the browser sends otherwise: nothing for the empty text of a box that has not
    been filled yet; and of a slider the number in its box while somebody types there, nothing or one beyond its ends,
    for what becomes of it when they leave the box."""
    if isinstance(block, gr.BrowserState) and not isinstance(value, type(block.default_value)):
        # A browser may keep what an earlier version wrote, and loading the page again changes nothing.
        return block.default_value
    if isinstance(block, gr.Textbox) and value is None:
        return ""
    if isinstance(block, gr.Slider) and isinstance(value, int | float | None):
        return min(max(block.minimum, value or 0), block.maximum)
    return value


def _require_upload(file: dict[str, Any]) -> dict[str, Any]:
    """Gradio fetches a file whose path is an address, from wherever it says, and fails at what no path can be. Raises:
    UserError."""
    path = str(file.get("path"))
    try:
        longest = max(map(len, path.encode().split(b"/")))
    except UnicodeEncodeError:
        raise _not_uploaded() from None
    if "://" in path or "\0" in path or len(path) > _LONGEST_PATH or longest > _LONGEST_NAME:
        raise _not_uploaded()
    return file


def _not_uploaded() -> UserError:
    return UserError("the file", "it is not one that was uploaded here.", "Upload it first.")
