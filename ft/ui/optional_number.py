"""A number that may be left out. Gradio's own field shows 0 where nothing was written, which looks like a limit."""

from __future__ import annotations

import re
from typing import Any

import gradio as gr

from ft.errors import UserError

_GROUPED = re.compile(r"\d{1,3}([, '\u00a0\u202f]\d{3})+(?=\.|$)")


def optional_number(label: str, info: str, placeholder: str = "any", **layout: Any) -> gr.Textbox:
    """The field, empty."""
    return gr.Textbox("", label=label, info=info, placeholder=placeholder, max_lines=1, max_length=20, **layout)


def number_in(text: str | None, label: str, least: int = 0) -> float | None:
    """What was written into the field of that label; None where it is empty. 1500, 1,500 and 1 500 are the same.

    Raises:
        UserError: it is no number, or one below `least`.
    """
    written = (text or "").strip()
    if not written:
        return None
    plain = re.sub(r"[^\d.]", "", written) if _GROUPED.match(written) else written.replace(",", ".")
    if not re.fullmatch(r"\d{1,15}(\.\d{0,9})?|\.\d{1,9}", plain) or float(plain) < least:
        why = f"it is not a number from {least} on."
        raise UserError(f"{label}: {written}", why, "Write for example 500, or leave it empty.")
    return float(plain)
