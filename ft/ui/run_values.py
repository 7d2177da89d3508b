"""What a run's charts show, as a table: for whoever cannot see them, or wants the figures. No gradio here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ft.figures import memory
from ft.runs.curves import Curves, smoothed, window
from ft.ui import tables

ROWS = 12


def table(curves: Curves) -> str:
    """A table of at most `ROWS` steps, at validations where there are some; "" where nothing is known."""
    loss = curves.points("loss")
    checked = [each["step"] for each in curves.validations()]
    steps = _spread(checked if len(checked) > 1 else [step for step, _ in loss])
    columns: list[tuple[str, dict[int, float], Callable[[float], str]]] = [
        ("Epoch", {step: epoch for step in steps if (epoch := curves.epoch(step)) is not None}, _two),
        ("Training loss, smoothed", dict(smoothed(loss, max(1, window(curves.steps)))), _three),
        ("Validation loss", {each["step"]: each["loss"] for each in curves.validations()}, _three),
        ("Token accuracy", dict(curves.accuracy()), _percent),
        ("Learning rate", dict(curves.points("learning_rate")), _short),
        ("Gradient norm", dict(curves.points("grad_norm")), _three),
        ("Tokens/s", dict(curves.points("tokens_per_second")), _whole),
        ("Memory", dict(curves.points("memory_bytes")), memory),
    ]
    shown = [(title, known, words) for title, known, words in columns if known]
    if not shown:
        return ""
    rows = [
        (f"{step:,}", *(words(known[step]) if step in known else "" for _, known, words in shown)) for step in steps
    ]
    return tables.table(("Step", *(title for title, _, _ in shown)), rows)


def _spread(steps: Sequence[int]) -> list[int]:
    """At most `ROWS` of them, evenly, with the first and the last."""
    if len(steps) <= ROWS:
        return list(steps)
    return [steps[round(at * (len(steps) - 1) / (ROWS - 1))] for at in range(ROWS)]


def _two(value: float) -> str:
    return f"{value:.2f}"


def _three(value: float) -> str:
    return f"{value:.3f}"


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _short(value: float) -> str:
    return f"{value:.2e}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"
