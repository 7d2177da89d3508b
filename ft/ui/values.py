"""What a page can send as the value of a component. A page that was opened before a restart, or before another version
was started, can send what is none any more; a script can send anything."""

from __future__ import annotations

import math
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState

from ft.errors import UserError

_RELOAD = "Load the page again."
_CHOICES = (gr.Dropdown, gr.Radio, gr.CheckboxGroup)


def require_value(block: Any, value: Any) -> None:
    """Raise UserError where `value`, as it came, is of a kind that this component never has."""
    if value is None:
        return
    if not _fits(block, value):
        raise UserError("the page", "it sent a value of another form than it has.", _RELOAD)
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                why = "it has half of a character (a lone surrogate)."
                raise UserError("a text", why, "Write that character again.") from error


def _fits(block: Any, value: Any) -> bool:
    if isinstance(block, gr.Number | gr.Slider):
        return _is_number(value) and math.isfinite(value)
    if isinstance(block, gr.Checkbox):
        return isinstance(value, bool)
    if isinstance(block, gr.CheckboxGroup) or (isinstance(block, gr.Dropdown) and block.multiselect):
        return isinstance(value, list) and all(map(_is_plain, value))
    if isinstance(block, gr.Textbox | gr.Dropdown | gr.Radio):
        return _is_plain(value)
    return True  # Gradio looks at these


def require_choice(block: Any, value: Any, state: SessionState | None) -> None:
    """Raise UserError where `value`, which fits, was never among the choices of this list."""
    if not isinstance(block, _CHOICES) or getattr(block, "allow_custom_value", False) or value is None:
        return
    now = state[block._id] if state is not None and block._id in state else block
    offered = {choice for _, choice in now.choices}
    if not offered.issuperset(value if isinstance(value, list) else [value]):
        raise UserError("what was chosen", "it is not among the choices.", _RELOAD)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
