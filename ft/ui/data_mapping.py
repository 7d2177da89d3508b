"""The mapping screen: which column is what, for files in no known format. Guessed, with the reason, and previewed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from formats import columns as mapping
from formats.columns import Columns
from formats.conversation import Conversation, Origin
from formats.convert import convert_record
from formats.detect import detect
from formats.grouping import as_records
from formats.guess import guess
from formats.reading import Reading
from ft.dataset.look import first_records
from ft.errors import UserError
from ft.ui import alerts, data_hub, data_view
from ft.ui.tab import PRIVATE

OUTPUTS = 20  # of `opened` and `closed`
_SHOWN = 3  # records
_NONE = ("(none)", "")


@dataclass(frozen=True, slots=True)
class Mapping:
    """The screen and its parts. `read` is the button that says that the columns are right."""

    box: gr.Column
    words: gr.HTML
    shape: gr.Radio
    prompt: gr.Dropdown
    reply: gr.Dropdown
    input: gr.Dropdown
    system: gr.Dropdown
    reasoning: gr.Dropdown
    turns: gr.Dropdown
    conversation: gr.Dropdown
    order: gr.Dropdown
    role: gr.Textbox
    text: gr.Textbox
    roles: gr.Textbox
    pairs: gr.Column
    lists: gr.Column
    rows: gr.Column
    speakers: gr.Column
    problem: gr.HTML
    preview: gr.HTML
    read: gr.Button
    leave: gr.Button

    def fields(self) -> list[Any]:
        """In the order in which `columns` takes their values."""
        return [
            self.shape,
            self.prompt,
            self.reply,
            self.input,
            self.system,
            self.reasoning,
            self.turns,
            self.conversation,
            self.order,
            self.role,
            self.text,
            self.roles,
        ]

    def shown(self) -> list[Any]:
        """In the order in which `opened` gives their updates."""
        return [self.box, self.words, *self.fields(), *self.sides(), self.problem, self.preview]

    def sides(self) -> list[Any]:
        """What is shown for some shapes of records only, in the order of `_sides`."""
        return [self.pairs, self.lists, self.rows, self.speakers]


def build() -> Mapping:
    """Lay the screen out, hidden."""
    with gr.Column(visible=False, elem_classes="mapping", elem_id="data-mapping") as box:
        words = gr.HTML()
        choices = [
            ("A prompt and a reply in each record", "pairs"),
            ("A list of turns in each record", "turns"),
            ("One message in each record", "rows"),
        ]
        shape = gr.Radio(choices, value="pairs", label="What the records hold")
        with gr.Column() as pairs:
            with gr.Row():
                prompt = gr.Dropdown([], label="Prompt", info="what the person says", min_width=160)
                reply = gr.Dropdown([], label="Reply", info="what the model is to learn", min_width=160)
            with gr.Row():
                input = gr.Dropdown([_NONE], label="More of the prompt", info="put below it", min_width=160)
                system = gr.Dropdown([_NONE], label="System message", info="told first", min_width=160)
                reasoning = gr.Dropdown([_NONE], label="Reasoning", info="thought before the reply", min_width=160)
        with gr.Column(visible=False) as lists:
            turns = gr.Dropdown([], label="Turns", info="the column with the list", min_width=160)
        with gr.Column(visible=False) as rows, gr.Row():
            conversation = gr.Dropdown([_NONE], label="Conversation", info="which rows are one chat", min_width=160)
            order = gr.Dropdown([_NONE], label="Order", info="their time or number; none: as they stand", min_width=160)
        with gr.Column(visible=False) as speakers:
            with gr.Row():
                role = gr.Textbox(label="Who speaks", info="the key or column", max_lines=1, min_width=140)
                text = gr.Textbox(label="What is said", info="the key or column", max_lines=1, min_width=140)
            roles = gr.Textbox(
                label="Who is who", info="a line for each: Bot = assistant · user, assistant, system, tool", lines=2
            )
        problem = alerts.place()
        with gr.Row(elem_classes="actions"):
            read = gr.Button("Read it this way", variant="primary", scale=0, min_width=170)
            leave = gr.Button("Cancel", scale=0, min_width=100)
        gr.HTML("<h3>The first records, read this way</h3>")
        preview = gr.HTML(elem_id="data-preview")
    names = {key: value for key, value in locals().items() if key in Mapping.__dataclass_fields__}
    return Mapping(**names)


def wire(screen: Mapping, files: gr.File, fetched: gr.State) -> None:
    """Show at once what another choice of columns makes of the first records of the first file."""
    changes = [each.input for each in screen.fields()]
    seen = [*screen.sides(), screen.preview, screen.problem]
    gr.on(changes, previewed, [files, fetched, *screen.fields()], seen, trigger_mode="always_last", **PRIVATE)


def needed(path: Path) -> bool:
    """Whether the file holds records, and is in no known format."""
    records = first_records(path)
    return not detect(records).format and any(isinstance(record, dict) for record in records)


def opened(path: Path) -> tuple[Any, ...]:
    """The screen, open for that file: the updates of `Mapping.shown`."""
    records = first_records(path)
    names = mapping.names(records)
    guessed, why = guess(records)
    found = guessed or Columns(prompt="?", reply="?")
    words = f"{path.name} is in no format that is known by its columns. Say what they hold."
    reason = f"Guessed: {why}." if guessed else f"Nothing could be guessed: {why}."
    some, any_or_none = [(name, name) for name in names], [_NONE, *((name, name) for name in names)]
    shape = "turns" if found.turns else "pairs" if found.is_pair else "rows"
    line = " ".join(f"--map {shlex.quote(word)}" for word in guessed.as_words()) if guessed else ""
    typed = f'<p class="quiet">On the command line: <code>{escape(line)}</code></p>' if guessed else ""
    return (
        gr.Column(visible=True),
        f'<div class="looked-at"><h2>Which column is what?</h2><p class="quiet">{escape(words)}</p></div>'
        f'<p class="note">{escape(reason)}</p>{typed}',
        shape,
        gr.Dropdown(some, value=found.prompt if found.prompt in names else None),
        gr.Dropdown(some, value=found.reply if found.reply in names else None),
        gr.Dropdown(any_or_none, value=found.input),
        gr.Dropdown(any_or_none, value=found.system),
        gr.Dropdown(any_or_none, value=found.reasoning),
        gr.Dropdown(some, value=found.turns or None),
        gr.Dropdown(any_or_none, value=found.conversation),
        gr.Dropdown(any_or_none, value=found.order),
        found.role,
        found.text,
        "\n".join(f"{name} = {role}" for name, role in found.roles.items()),
        *_sides(shape),
        alerts.hidden(),
        _preview(records, guessed) if guessed else "",
    )


def closed() -> tuple[Any, ...]:
    """The screen, shut."""
    return gr.Column(visible=False), *(gr.skip() for _ in range(OUTPUTS - 1))


def _sides(shape: str) -> tuple[gr.Column, ...]:
    """The fields for records of that shape shown, the others not."""
    shown = (shape == "pairs", shape == "turns", shape != "turns", shape != "pairs")
    return tuple(gr.Column(visible=visible) for visible in shown)


def columns(
    shape: str,
    prompt: str,
    reply: str,
    input: str,
    system: str,
    reasoning: str,
    turns: str,
    conversation: str,
    order: str,
    role: str,
    text: str,
    roles: str,
) -> Columns:
    """The columns that were chosen.

    Raises:
        UserError: not enough of them, or a role that there is not.
    """
    try:
        if shape == "pairs":
            if prompt and prompt == reply:
                raise ValueError(f"{prompt} cannot be both the prompt and the reply")
            pair = {"prompt": prompt, "reply": reply, "input": input, "system": system, "reasoning": reasoning}
            named = {**pair, "conversation": conversation, "order": conversation and order}
            return Columns.from_json({name: column for name, column in named.items() if column})
        lines = [line.partition("=") for line in (roles or "").splitlines() if line.strip()]
        words = [f"role.{name.strip()}={said.strip()}" for name, _, said in lines]
        where = {"turns": turns} if shape == "turns" else {"conversation": conversation, "order": order}
        given = {**where, "role": role, "text": text}
        return Columns.parse([*(f"{key}={value.strip()}" for key, value in given.items() if value), *words])
    except ValueError as error:
        todo = "Choose the column of the prompt and that of the reply, of the list of turns, or of the conversation."
        raise UserError("the columns", f"{error}.", todo) from error


def previewed(files: list[str] | None, fetched: data_hub.Fetched, *chosen: Any) -> tuple[Any, ...]:
    """What the chosen columns make of the first records."""
    sides = _sides(chosen[0])
    try:
        found = columns(*chosen)
        sources = data_hub.sources(files, fetched)
        return *sides, _preview(first_records(sources[0].path), found) if sources else "", alerts.hidden()
    except UserError as error:  # not all is chosen yet: no refusal before somebody presses the button
        words = f"{error.why[:1].upper()}{error.why[1:]} {error.todo}"
        return *sides, f'<p class="note">{escape(words)}</p>', alerts.hidden()


def _preview(records: list[object], found: Columns) -> str:
    body = ""
    reading = Reading(columns=found)
    for number, record in enumerate(as_records(records, reading)[:_SHOWN], 1):
        read = convert_record(record, Origin("", number), reading)
        if isinstance(read, Conversation):
            body += data_view.bubbles([read], number)
        else:
            body += f'<div class="conversation"><p><b>{number}</b> {escape(read.problem)}</p></div>'
    return body
