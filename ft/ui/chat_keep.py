"""A chat becomes an example to learn from: its last reply put right, and the conversation added to a dataset.

Only that reply is learnt, and of the earlier ones those that a person confirms: the others are context. What was
stopped or cut has no end, so it is never learnt as it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from formats.conversation import Origin
from ft.dataset import change, draft, edit, versions
from ft.dataset.draft import Draft, Turn
from ft.errors import UserError
from ft.runs import directory
from ft.ui import alerts, chat_turns
from ft.ui.chat_turns import Side
from ft.ui.shared import Shared
from ft.ui.tab import PRIVATE, mark, require_drawn, what_is_drawn

ORIGIN = Origin("a chat in Sidetune", 1)
_SHOWN = 70  # characters of a question or an earlier reply
_CUT = {"length": "it was cut at the longest reply", "cancelled": "it was stopped"}


@dataclass(frozen=True, slots=True)
class Example:
    """What stands in the box: a reply of that side, the last of these turns, and its text as the box was given it."""

    turns: tuple[chat_turns.Turn, ...] = ()
    side: Side = "tuned"
    written: str = ""

    @property
    def mark(self) -> str:
        return mark(repr((self.turns, self.side)))

    def whole(self) -> dict[int, str]:
        """The earlier replies that the model ended itself, by the place of their turn."""
        earlier = [turn[self.side] for turn in self.turns[:-1]]
        return {place: reply["text"] for place, reply in enumerate(earlier) if chat_turns.is_whole(reply)}


@dataclass(frozen=True, slots=True)
class Keeping:
    """The fold: `talked` are the inputs of `follow`, and `about` its outputs."""

    talked: list[Component]
    about: list[Component]

    def after(self, event: Dependency) -> None:
        """After `event`, which changed the conversation or chose another, the box has the last reply."""
        event.then(follow, self.talked, self.about, **PRIVATE)


def build(
    shared: Shared, run: gr.Dropdown, checkpoint: gr.Dropdown, kept: gr.BrowserState, system: gr.Textbox
) -> Keeping:
    """Lay the fold out and wire it; the others are the Chat tab's."""
    with gr.Accordion("Keep this chat as an example", open=False) as fold:
        side = gr.Radio([("the tuned model's", "tuned"), ("the base model's", "base")], value="tuned", label="Replies")
        question = gr.HTML()
        reply = gr.Textbox(
            label="The last reply, as it should be",
            info="correct it: this is what the model learns to write",
            lines=3,
            max_lines=12,
            interactive=True,
            elem_id="chat-example",
        )
        earlier = gr.CheckboxGroup(
            [],
            label="Earlier replies to learn as well",
            info="the others are context: the model reads them, and does not learn to write them",
            elem_classes="choice-list",
            visible=False,
        )
        with gr.Row(elem_classes="actions save-row"):
            dataset = gr.Dropdown([], label="Add it to the dataset", filterable=False, min_width=220)
            add = gr.Button("Add it", scale=0, min_width=100, interactive=False)
        problem, told = alerts.place(), gr.HTML()
    example, drawn = gr.State(Example()), what_is_drawn()
    about: list[Component] = [reply, question, earlier, example, drawn, told, problem]
    keeping = Keeping([run, checkpoint, kept, side, reply, example], about)
    keeping.after(fold.expand(datasets, run, [dataset, add], **PRIVATE))
    side.input(follow, keeping.talked, keeping.about, **PRIVATE)
    given = [example, drawn, earlier, system, reply, dataset]
    add.click(added, given, [example, told, shared.edited, problem], **PRIVATE)
    return keeping


def datasets(run: str | None) -> tuple[gr.Dropdown, gr.Button]:
    """The datasets to choose from, chosen the one that the run learnt from; and the button, once there is one."""
    names = [each.name for each in versions.list_datasets()]
    own = ""
    if run:
        try:
            own = directory.find(run).config.dataset
        except UserError:  # deleted meanwhile
            own = ""
    if not names:
        return gr.Dropdown([], value=None, info="make one on the Data tab first"), gr.Button(interactive=False)
    return gr.Dropdown(names, value=own if own in names else names[0], info=None), gr.Button(interactive=True)


def follow(
    run: str | None, checkpoint: str | None, kept: Any, side: Side, reply: str | None, example: Example
) -> tuple[Any, ...]:
    """The box with the last reply of that side, the question that it answers, the earlier replies to choose from, what
    they are of, and nothing said or refused of it yet. A reply that somebody has put right stays, with its question."""
    turns = tuple(chat_turns.turns_of(kept, chat_turns.kept_under(run or "", checkpoint or "")))
    corrected = (reply or "") != example.written
    if corrected:
        now = Example(example.turns or turns, side, example.written)
    else:
        now = Example(turns, side, turns[-1][side]["text"] if turns else "")
    unsaid = "", alerts.hidden()
    if now == example:
        return *(gr.skip() for _ in range(5)), *unsaid
    asked = f"The reply to “{_short(now.turns[-1]['user'])}”" if now.turns else ""
    offered = [(f"{place + 1}. {_short(text)}", place) for place, text in now.whole().items()]
    return (
        gr.skip() if corrected else now.written,
        f'<p class="quiet" dir="auto">{escape(asked)}</p>' if asked else "",
        gr.CheckboxGroup(offered, value=[], visible=bool(offered)),
        now,
        now.mark,
        *unsaid,
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]} …"


@alerts.told(outputs=3)
def added(
    example: Example, drawn: str, learnt: list[int], system: str | None, reply: str | None, dataset: str | None
) -> tuple[Example, str, float]:
    """Add the chat to the dataset, with the reply that stands in the box. Of the earlier replies, those of the turns at
    the places `learnt` are learnt too.

    Gives what the box holds, now not corrected any more; what was done; a new value for `shared.edited`.
    """
    if not example.turns:
        raise UserError("the chat", "nothing was said in it yet.", "Ask both models something first.")
    require_drawn(drawn, example.mark, "the reply")
    if not dataset:
        raise UserError("no dataset", "there is none to add it to.", "Make one on the Data tab.")
    conversation = draft.conversation(Draft(tuple(_turns(example, learnt, system or "", reply or ""))), ORIGIN)
    made = edit.apply(versions.find(dataset), change.addition(conversation, "by chatting"))
    assert isinstance(made, versions.Version)
    number = made.version.removeprefix("v")
    words = f"Added to {made.name}, which is version {number} now. Train on it to see what it changes."
    note = f'<p class="note" role="status">{escape(words)}</p>'
    return replace(example, written=reply or ""), note, time.time_ns()


def _turns(example: Example, learnt: list[int], system: str, reply: str) -> Iterator[Turn]:
    """The conversation as a form holds it.

    Raises:
        UserError: the reply is one that was stopped or cut, as it was.
    """
    *before, last = (turn[example.side] for turn in example.turns)
    if reply.strip() and reply.strip() == last["text"].strip() and not chat_turns.is_whole(last):
        why = _CUT.get(last.get("reason", ""), "it is not known to be whole")
        todo = "Write its end in the box, or ask again for a longer reply."
        raise UserError("the reply", f"{why}, so its end is missing.", todo)
    if system.strip():
        yield Turn("system", system.strip())
    for place, earlier in enumerate(before):
        if earlier["text"]:
            yield Turn("user", example.turns[place]["user"])
            yield Turn("assistant", earlier["text"], train=place in learnt and place in example.whole())
    yield Turn("user", example.turns[-1]["user"])
    yield Turn("assistant", reply)
