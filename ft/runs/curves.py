"""A run's figures by step: what its charts draw, from its events alone."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from ft.runs import events

MEASURES = ("loss", "learning_rate", "grad_norm", "tokens_per_second", "memory_bytes")
Point = tuple[int, float]  # (step, figure)


class Curves:
    """What a run has told so far, small enough to be kept: a hundred thousand steps take 6 MB.

    `told`: its events as `ft.runs.events.read_compact` gives them. Whatever asks for a run's state or its last figures
    does with these. The figures of every step are in columns, and of a resumed run only those that still stand.
    """

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self._steps = array("q")
        self._epochs = array("d")
        self._figures = {name: array("d") for name in MEASURES}

    @classmethod
    def of(cls, found: Iterable[dict[str, Any]]) -> Curves:
        """The curves of a run from its events."""
        made = cls()
        made.add(found)
        return made

    def add(self, found: Iterable[dict[str, Any]]) -> None:
        """Go on with the events that came next."""
        for event in found:
            if event["kind"] == "step":
                self._add_step(event)
            elif event["kind"] == "started":  # a resumed run takes the steps behind its checkpoint again
                self._cut(event.get("step") or 0)
            events.compact(self.told, [event])

    def copy(self) -> Curves:
        """The same, to go on with while others still read this one."""
        made = Curves()
        made.told, made._steps, made._epochs = self.told[:], self._steps[:], self._epochs[:]
        made._figures = {name: column[:] for name, column in self._figures.items()}
        return made

    def _add_step(self, event: dict[str, Any]) -> None:
        step = int(event["step"])
        self._cut(step - 1)  # each step once
        self._steps.append(step)
        self._epochs.append(_number(event.get("epoch")))
        for name, column in self._figures.items():
            column.append(_number(event.get(name)))

    def _cut(self, last: int) -> None:
        if self._steps and self._steps[-1] > last:
            keep = bisect_right(self._steps, last)
            del self._steps[keep:]
            for column in (self._epochs, *self._figures.values()):
                del column[keep:]

    @property
    def steps(self) -> int:
        """How many steps stand."""
        return len(self._steps)

    @property
    def last_step(self) -> int:
        """The newest step that stands, whatever is known of it; 0 where there is none."""
        return self._steps[-1] if self._steps else 0

    def points(self, measure: str) -> list[Point]:
        """One of MEASURES by step, without the steps at which it is not known."""
        return [(s, v) for s, v in zip(self._steps, self._figures[measure], strict=True) if not math.isnan(v)]

    def validations(self) -> list[dict[str, Any]]:
        """The validation events that stand and have a loss, in the order of their steps."""
        found = (each for each in events.standing(self.told) if each["kind"] == "validation")
        return [each for _, each in sorted({e["step"]: e for e in found if e.get("loss") is not None}.items())]

    def accuracy(self) -> list[Point]:
        """The share (0 to 1) of held-out tokens that were the likeliest to the model, by step."""
        known = [(each["step"], each.get("token_accuracy")) for each in self.validations()]
        return [(step, value) for step, value in known if value is not None]

    def epoch(self, step: int) -> float | None:
        """How many passes over the data had been made at `step`; None where it is not known."""
        at = bisect_right(self._steps, step) - 1
        return self._epochs[at] if at >= 0 and not math.isnan(self._epochs[at]) else None


def window(steps: int) -> int:
    """Over how many steps a run of `steps` is smoothed: a fiftieth, at least 5. 0: too short to smooth anything."""
    return max(5, round(steps / 50)) if steps > 10 else 0


def smoothed(points: Sequence[Point], over: int) -> list[Point]:
    """At each step the mean of the last `over` figures, of those that there are at the beginning."""
    sums = [0.0, *accumulate(value for _, value in points)]
    starts = (max(0, end - over) for end in range(1, len(sums)))
    return [
        (step, (sums[end] - sums[start]) / (end - start))
        for end, (start, (step, _)) in enumerate(zip(starts, points, strict=True), 1)
    ]


def thinned(points: Sequence[Point], limit: int) -> list[Point]:
    """At most `limit` points: first, last, and the lowest and highest of each stretch, so that no peak is lost."""
    if len(points) <= limit:
        return list(points)
    inner = points[1:-1]
    wide = math.ceil(len(inner) / max(1, (limit - 2) // 2))
    kept = [points[0]]
    for start in range(0, len(inner), wide):
        stretch = inner[start : start + wide]
        values = [value for _, value in stretch]
        low, high = values.index(min(values)), values.index(max(values))
        kept += [stretch[at] for at in sorted({low, high})]
    return [*kept, points[-1]]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
