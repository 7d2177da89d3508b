"""A comparison of runs as tables, with all text escaped. No gradio here, so that it can be tested."""

from __future__ import annotations

from html import escape
from typing import Any

from markupsafe import Markup

from ft.figures import duration, memory
from ft.runs.compare import Comparison, Outcome
from ft.ui.run_words import STATES, loss_change
from ft.ui.tables import table
from ft.ui.train_settings import SETTINGS

# A run's colour on the chart and in the table, clear on a light and on a dark page; its letter says the same.
COLORS = ("#2f6fde", "#c77d1e", "#2e9e5b", "#c2407a", "#8a63d2", "#1793a5", "#8d7a1c", "#8a94a6")
LETTERS = "ABCDEFGH"
LONGEST_SERIES = 24  # characters of a name: a legend has not much room
TERMS = {
    **{setting.name: setting.term for setting in SETTINGS},
    "model": "base model",
    "precision": "precision in training",
}


def series(letter: str, name: str) -> str:
    """What a run's line is called on the chart: the letter keeps two of one name apart."""
    return f"{letter} · {name if len(name) <= LONGEST_SERIES else name[: LONGEST_SERIES - 1] + '…'}"


def tables(found: Comparison) -> str:
    """What came of the runs, best first, and under it what differs between them."""
    note = "" if found.ranked else ' role="note"'
    why = f'<p class="run-why"{note}>{escape(found.why)}</p>' if found.why else ""
    return f"{why}{_outcomes(found)}<h2 class='part run-differs'>What differs</h2>{_differences(found)}"


def _outcomes(found: Comparison) -> str:
    titles = ("Line", "Run", "State", "Validation loss", "Steps", "Time", "Speed", "Peak memory")
    rows = [
        (_letter(number), *_outcome(each, found.ranked and number == 0)) for number, each in enumerate(found.outcomes)
    ]
    return table(titles, rows)


def _outcome(each: Outcome, best: bool) -> tuple[str, ...]:
    loss = loss_change(each.before, each.best, "{:.3f}".format)
    at = f" at step {each.best_step:,}" if each.best_step else ""
    return (
        each.name + (" (best)" if best and each.best is not None else ""),
        STATES[each.status],
        loss + at,
        f"{each.steps:,}" if each.steps else "",
        duration(each.seconds) if each.seconds is not None else "",
        f"{each.tokens_per_second:,.0f} tokens/s" if each.tokens_per_second else "",
        memory(each.peak_memory_bytes) if each.peak_memory_bytes else "",
    )


def _differences(found: Comparison) -> str:
    if not found.differences:
        return '<p class="quiet">Nothing: they were asked to do the same, on the same data.</p>'
    letters = LETTERS[: len(found.outcomes)]
    titles = ("Setting", *letters)
    rows = [
        (TERMS.get(name, name.replace("_", " ")), *(_value(name, value) for value in values))
        for name, values in found.differences.items()
    ]
    return table(titles, rows)


def _letter(number: int) -> Markup:
    dot = f'<span class="run-line" style="background:{COLORS[number]}" aria-hidden="true"></span>'
    return Markup(f"<span>{dot}<strong>{LETTERS[number]}</strong></span>")


def _value(name: str, value: Any) -> str:
    if name == "max_steps" and value == 0:
        return "no limit"
    if value is None:
        return "not known"
    return f"{value:g}" if isinstance(value, float) else str(value)
