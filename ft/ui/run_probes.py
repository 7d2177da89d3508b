"""What the model answered to the same questions as it learnt, in HTML with all text escaped."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from ft.runs import events
from ft.ui.tables import table

_NOTHING = Markup("<em>nothing</em>")


def html(found: list[dict[str, Any]]) -> str:
    """A table of a run's `probe` events: a row a question, a column a time; "" where nothing was asked."""
    asked = [event for event in events.standing(found) if event["kind"] == "probe" and event.get("replies")]
    # A run that was stopped and resumed had kept another adapter meanwhile.
    asked = [event for event in asked if not event.get("kept") or event is asked[-1]]
    if not asked:
        return ""
    rows = [
        (replies[0]["question"], *(each["reply"] or _NOTHING for each in replies))
        for replies in zip(*(event["replies"] for event in asked), strict=False)
    ]
    return f'<div class="probes">{table(("Question", *map(_when, asked)), rows)}</div>'


def _when(event: dict[str, Any]) -> str:
    step = int(event.get("step") or 0)
    if event.get("kept"):
        return f"Kept: step {step:,}"
    return f"Step {step:,}" if step else "Before"
