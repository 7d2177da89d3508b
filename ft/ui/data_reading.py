"""How files are to be read, as the Data tab asks for it: the format, the repairs, and what placeholders stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from formats.columns import Columns
from formats.convert import FORMATS
from formats.reading import Reading
from formats.repair import REPAIRS
from ft.errors import UserError
from ft.ui.strings import FORMAT_TITLES

_FORMATS = [(FORMAT_TITLES[name], name) for name in ("auto", *FORMATS)]
_SHORT = {
    "role_normalised": "Unusual names of roles",
    "texts_in_turn": "Texts said in turn",
    "reply_beside": "The reply beside the turns as the last turn",
    "pairs_joined": "A list of prompts and replies as one conversation",
    "turns_merged": "Join turns of one role",
    "rows_grouped": "Put the rows of a conversation together",
    "turns_sorted": "Messages in the order of their time",
    "other_branches": "The branch that was shown last, of several",
    "leading_assistant_kept": "Keep a first turn of the assistant",
    "trailing_turns_cut": "Cut turns after the last reply",
    "empty_turn_removed": "Leave empty turns out",
    "failed_turn_removed": "Leave deleted and failed turns out",
    "cut_at_missing_turn": "End a chat where a turn is missing",
    "thoughts_joined": "Thoughts as reasoning",
    "number_as_text": "Numbers as text",
    "double_encoded": "JSON inside text",
    "system_column_ignored": "First system turn wins",
    "second_column_ignored": "First of two columns wins",
    "custom_instructions": "ChatGPT's custom instructions as the system message",
    "html_debris": "Clean up what ShareGPT saved of the page",
    "html_entities": "Decode HTML entities (&lt;)",
    "names_in_text": "Put names before what is said",
    "placeholders_filled": "Fill placeholders",
    "weight_as_one": "Other training weights as 1",
    "good_answers_kept": "Keep the good answers of ranking data",
}


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields that say how to read; `columns` is None, or the columns as `formats.columns` writes them as JSON."""

    format: gr.Dropdown
    repairs: gr.CheckboxGroup
    fill: gr.Textbox
    again: gr.Button
    columns: gr.State

    def all(self) -> list[Any]:
        """In the order in which `reading` takes their values."""
        return [self.format, self.repairs, self.fill, self.columns]


def build() -> Fields:
    """Lay the fields out."""
    format = gr.Dropdown(_FORMATS, value="auto", label="Format", info="of all the files above", filterable=False)
    repairs = gr.CheckboxGroup(
        [(_SHORT[code], code) for code in REPAIRS],
        value=[code for code, kind in REPAIRS.items() if kind.on],
        label="Repairs",
        info="what may be mended in a record; one that needs a repair that is off is rejected, or left as it is",
        elem_id="data-repairs",
    )
    fill = gr.Textbox(
        label="Fill placeholders",
        info="a line for each: name = Ada · {{name}} in the chats becomes Ada",
        lines=2,
        max_lines=6,
        elem_id="data-fill",
    )
    again = gr.Button("Read again", size="sm")
    return Fields(format, repairs, fill, again, gr.State(None))


def reading(format: str, repairs: Sequence[str], fill: str, columns: Mapping[str, Any] | None) -> Reading:
    """What the fields say.

    Raises:
        UserError: a line of the placeholders is of another form.
    """
    texts = {}
    for line in (fill or "").splitlines():
        name, equals, text = line.partition("=")
        if line.strip() and (not equals or not name.strip()):
            raise UserError(line.strip(), "it names no placeholder and its text.", "Write a line as: name = Ada")
        if line.strip():
            texts[name.strip().strip("{}").strip()] = text.strip()
    switches = {code: code in repairs for code, kind in REPAIRS.items() if (code in repairs) != kind.on}
    return Reading(format or "auto", Columns.from_json(columns) if columns else None, switches, texts)
