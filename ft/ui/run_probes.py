"""What the model answered to the same questions as it learnt, in HTML with all text escaped."""

from __future__ import annotations

from html import escape
from typing import Any

from ft.runs import events


def html(found: list[dict[str, Any]]) -> str:
    """A table of a run's `probe` events: a row a question, a column a time; "" where nothing was asked."""
    asked = [event for event in events.standing(found) if event["kind"] == "probe" and event.get("replies")]
    # A run that was stopped and resumed had kept another adapter meanwhile.
    asked = [event for event in asked if not event.get("kept") or event is asked[-1]]
    if not asked:
        return ""
    heads = "".join(f'<th scope="col">{escape(_when(event))}</th>' for event in asked)
    rows = ""
    for place, first in enumerate(asked[0]["replies"]):
        replies = (event["replies"][place]["reply"] for event in asked if place < len(event["replies"]))
        cells = "".join(f"<td>{escape(str(reply)) or '<em>nothing</em>'}</td>" for reply in replies)
        rows += f'<tr><th scope="row">{escape(str(first["question"]))}</th>{cells}</tr>'
    return (
        '<div class="probes" tabindex="0" role="region" aria-label="Replies as it learnt"><table>'
        f'<thead><tr><th scope="col">Question</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _when(event: dict[str, Any]) -> str:
    step = int(event.get("step") or 0)
    if event.get("kept"):
        return f"Kept: step {step:,}"
    return f"Step {step:,}" if step else "Before"
