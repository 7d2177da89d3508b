"""A chat becomes an example to learn from: the last reply put right, and the whole added to a dataset."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import gradio as gr

from formats.conversation import Message, Origin
from ft.dataset import change, draft, edit, versions
from ft.dataset.draft import Draft, Turn
from ft.errors import UserError
from ft.runs import directory
from ft.ui import alerts, chat_turns
from ft.ui.chat_turns import Side
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE

ORIGIN = Origin("a chat in Sidetune", 1)


def build(shared: Shared, run: gr.Dropdown, checkpoint: gr.Dropdown, kept: gr.BrowserState, system: gr.Textbox) -> None:
    """Lay the fold out and wire it; the others are the Chat tab's."""
    with gr.Accordion("Keep this chat as an example", open=False) as fold:
        side = gr.Radio([("the tuned model's", "tuned"), ("the base model's", "base")], value="tuned", label="Replies")
        reply = gr.Textbox(
            label="The last reply, as it should be",
            info="correct it: this is what the model learns to write",
            lines=3,
            max_lines=12,
            interactive=True,
        )
        with gr.Row(elem_classes="actions save-row"):
            dataset = gr.Dropdown([], label="Add it to the dataset", filterable=False, min_width=220)
            add = gr.Button("Add it", scale=0, min_width=100)
        problem, told = alerts.place(), gr.HTML()
    talked = [run, checkpoint, kept, side]
    gr.on([fold.expand, side.input], opened, talked, [reply, dataset, told], **PRIVATE)
    done = [told, shared.edited, problem]
    add.click(added, [*talked, system, reply, dataset], done, **PRIVATE)


def opened(run: str | None, checkpoint: str | None, kept: Any, side: Side) -> tuple[Any, ...]:
    """The last reply of that side, and the datasets to choose from: first the one that the run learnt from."""
    turns = chat_turns.turns_of(kept, chat_turns.kept_under(run or "", checkpoint or ""))
    names = [each.name for each in versions.list_datasets()]
    own = ""
    if run:
        try:
            own = directory.find(run).config.dataset
        except UserError:  # deleted meanwhile
            own = ""
    chosen = own if own in names else next(iter(names), None)
    return turns[-1][side]["text"] if turns else "", gr.Dropdown(names, value=chosen), ""


@alerts.told(outputs=2)
def added(
    run: str, checkpoint: str, kept: Any, side: Side, system: str, reply: str, dataset: str | None
) -> tuple[str, float]:
    """Add the chat to the dataset: (what was done, a new value for `shared.edited`)."""
    turns = chat_turns.turns_of(kept, chat_turns.kept_under(run or "", checkpoint or ""))
    if not turns:
        raise UserError("the chat", "nothing was said in it yet.", "Ask both models something first.")
    if not dataset:
        raise UserError("no dataset", "there is none to add it to.", "Make one on the Data tab.")
    before = chat_turns.history(turns[:-1], side, system or "", turns[-1]["user"])
    messages = [*before, Message("assistant", reply or "")]
    written = Draft(tuple(Turn(message.role, message.content) for message in messages))
    made = edit.apply(versions.find(dataset), change.addition(draft.conversation(written, ORIGIN), "by chatting"))
    assert isinstance(made, versions.Version)
    number = made.version.removeprefix("v")
    words = f"Added to {made.name}, which is version {number} now. Train on it to see what it changes."
    return f'<p class="note" role="status">{escape(words)}</p>', time.time_ns()
