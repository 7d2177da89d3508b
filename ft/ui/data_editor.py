"""The editor of one conversation: a field for each turn, checked when it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from formats.conversation import ROLES
from ft.dataset import browse, change
from ft.dataset import draft as drafts
from ft.dataset.draft import BY_HAND, Draft, Turn
from ft.dataset.staging import Staged
from ft.dataset.versions import Version
from ft.errors import UserError
from ft.ui import alerts, data_choice
from ft.ui.data_change import applied, required
from ft.ui.data_editing import Editing
from ft.ui.data_view import WHO
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE

_FIELDS = 7  # of a turn, in the order of Turn


class _LostError(UserError):
    """The conversation that was opened is not there any more as it was."""


def build(shared: Shared, staged: gr.BrowserState, editing: gr.State) -> None:
    """Lay the editor out and wire it; it shows what `editing` holds, and sets that to None when it is done."""

    @gr.render(inputs=[editing], triggers=[editing.change])
    def form(now: Editing | None) -> None:
        if now is None:
            return
        gr.HTML(f"<h3>{now.name}</h3>")
        fields: list[Any] = []
        removers, notes = [], []
        for number, turn in enumerate(now.draft.turns, 1):
            with gr.Column(elem_classes="turn-form"):
                remover, note, *of_turn = _turn(turn, number)
                removers.append(remover)
                notes.append(note)
                fields += of_turn
        with gr.Accordion("Tools described to the model", open=bool(now.draft.tools)):
            fields.append(_code(now.draft.tools, "A JSON list of tool definitions", 3))
        problem = alerts.place()
        with gr.Row(elem_classes="actions"):
            more = gr.Button("Add a turn", scale=0, min_width=110)
            keep = gr.Button("Keep it", variant="primary", scale=0, min_width=110)
            as_new = gr.Button("Keep it as a new one", scale=0, min_width=180, visible=False)
            cancel = gr.Button("Cancel", scale=0, min_width=90)
        given = [editing, *fields]
        for place, remover in enumerate(removers):
            remover.click(partial(without, place), given, editing, **PRIVATE)
        more.click(with_one_more, given, editing, **PRIVATE)
        cancel.click(nothing, None, editing, **PRIVATE)
        done = [editing, staged, shared.edited, problem, as_new, *notes]
        keep.click(kept, [shared.dataset, staged, *given], done, **PRIVATE)
        as_new.click(kept_as_new, [shared.dataset, staged, *given], done, **PRIVATE)


def _turn(turn: Turn, number: int) -> list[Any]:
    """The button that removes a turn, the place that says what is wrong with it, its fields in the order of Turn."""
    line: dict[str, Any] = {"interactive": True, "max_lines": 1, "min_width": 140}
    who = [(WHO[each], each) for each in ROLES]
    learnt = turn.role == "assistant"
    with gr.Row(elem_classes="turn-head"):
        role = gr.Dropdown(
            who, value=turn.role, label=f"Turn {number}", filterable=False, interactive=True, scale=0, min_width=190
        )
        train = gr.Checkbox(
            turn.train, label="The model learns to write it", visible=learnt, container=False, interactive=True, scale=1
        )
        remover = gr.Button(f"Remove turn {number}", size="sm", scale=0, min_width=120)
    content = gr.Textbox(
        turn.content, label=f"Text of turn {number}", show_label=False, lines=2, max_lines=16, interactive=True
    )
    note = gr.HTML(visible=False, padding=False)
    beside = any((turn.reasoning, turn.calls, turn.name, turn.tool_call_id))
    with gr.Accordion("Reasoning and tools", open=beside):
        reasoning = gr.Textbox(turn.reasoning, label="Reasoning", lines=1, max_lines=12, interactive=True)
        calls = _code(turn.calls, "Tool calls, a JSON list", 2)
        with gr.Row():
            name = gr.Textbox(turn.name, label="Name (of the tool)", **line)
            call_id = gr.Textbox(turn.tool_call_id, label="Id of the call that it answers", **line)
    role.input(of_the_assistant, role, train, **PRIVATE)
    return [remover, note, role, content, train, reasoning, calls, name, call_id]


def _code(text: str, label: str, lines: int) -> gr.Textbox:
    """A field for JSON. Not gr.Code: Tab writes spaces there, so a keyboard cannot leave it."""
    return gr.Textbox(text, label=label, lines=lines, max_lines=16, interactive=True, elem_classes="code-field")


def written(fields: Sequence[Any]) -> Draft:
    """What stands in the form's fields."""
    *of_turns, tools = fields
    rows = [of_turns[place : place + _FIELDS] for place in range(0, len(of_turns), _FIELDS)]
    return Draft(
        tuple(Turn(role, text or "", bool(train), *(each or "" for each in rest)) for role, text, train, *rest in rows),
        tools or "",
    )


def of_the_assistant(role: str) -> Any:
    """Only an assistant's turn can be learnt."""
    return gr.Checkbox(visible=role == "assistant")


def nothing() -> None:
    """What a state holds while there is nothing to say: None."""


def without(place: int, now: Editing, *fields: Any) -> Editing:
    """The form without the turn at that place."""
    draft = written(fields)
    return replace(now, draft=replace(draft, turns=draft.turns[:place] + draft.turns[place + 1 :]))


def with_one_more(now: Editing, *fields: Any) -> Editing:
    """The form with an empty turn more, of who is next."""
    draft = written(fields)
    last = draft.turns[-1].role if draft.turns else "assistant"
    return replace(
        now, draft=replace(draft, turns=(*draft.turns, Turn("user" if last == "assistant" else "assistant")))
    )


def kept(dataset: str, staged: str, now: Editing, *fields: Any) -> tuple[Any, ...]:
    """Keep what was written.

    Out: nothing that is edited any more, the upload's id, a new value for `shared.edited`, then the places that say why
    it cannot be kept: the one beside the button, the button that keeps it as a new one, and one place in each turn.
    """
    return _kept(dataset, staged, now, fields)


def kept_as_new(dataset: str, staged: str, now: Editing, *fields: Any) -> tuple[Any, ...]:
    """The same, as another conversation: the one that was opened was changed or deleted meanwhile."""
    return _kept(dataset, staged, replace(now, row=None, origin=BY_HAND, repairs=()), fields)


def _kept(dataset: str, staged: str, now: Editing, fields: Sequence[Any]) -> tuple[Any, ...]:
    turns = len(fields) // _FIELDS
    try:
        looked = required(dataset, staged)
        if not data_choice.is_of(looked, now.of):
            why = f"it belongs to {data_choice.name_of(now.of)}, and {data_choice.title(looked)} is chosen now."
            raise UserError("the conversation", why, "Choose its dataset again.")
        conversation = drafts.conversation(written(fields), now.origin, now.repairs)
        row = _row(looked, now)
        made = change.addition(conversation) if row is None else change.replacement(row, conversation)
        notes = [alerts.hidden()] * turns
        return None, *applied(dataset, staged, made), alerts.hidden(), gr.Button(visible=False), *notes
    except UserError as error:
        notes = [_note(error, number) for number in range(1, turns + 1)]
        as_new = gr.Button(visible=isinstance(error, _LostError))
        return gr.skip(), gr.skip(), gr.skip(), alerts.shown(error), as_new, *notes


def _row(looked: Version | Staged, now: Editing) -> int | None:
    """Where the conversation stands now: an edit of another one, or Undo, made another version of the dataset."""
    if now.row is None or str(looked.path) == now.of:
        return now.row
    row = browse.find_exact(looked.conversations_path, now.exact, now.row)
    if row is None:
        why = "it was changed or deleted since it was opened (by Undo, in another window, or by a script)."
        raise _LostError(now.name, why, "Keep what you wrote as a new one, or cancel.")
    return row


def _note(error: UserError, number: int) -> Any:
    """In the turn that a refusal is about: why, and what to do."""
    if error.given.partition(",")[0] != f"turn {number}":
        return alerts.hidden()
    return gr.update(
        value=f'<p class="turn-problem">{escape(error.why[:1].upper() + error.why[1:])} {escape(error.todo)}</p>',
        visible=True,
    )
