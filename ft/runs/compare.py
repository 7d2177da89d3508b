"""Several runs beside each other: what differs in what they were asked to do, and what came of it, best first."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ft.dataset import versions
from ft.dataset.held_out import digest
from ft.errors import UserError
from ft.runs.advice import margin
from ft.runs.curves import Curves, Point, smoothed, window
from ft.runs.directory import Run, RunConfig
from ft.runs.reader import Reader
from ft.runs.status import summary

_FREE = re.compile(r" \([^()]* free\)")  # the memory that was free then is no difference between two runs
MOST = 8  # more lines on one chart cannot be told apart


@dataclass(frozen=True, slots=True)
class Told:
    """A run to compare: what it was asked to do, its curves, and its figures as `ft.runs.status.summary` gives them."""

    config: RunConfig
    curves: Curves
    figures: dict[str, Any]

    @property
    def id(self) -> str:
        return self.config.id

    def newest(self, kind: str) -> dict[str, Any]:
        """Its newest event of that kind; {} where there is none."""
        return next((each for each in reversed(self.curves.told) if each["kind"] == kind), {})


def told(run: Run, reader: Reader) -> Told:
    """The run as it is on disk now."""
    curves = reader.read(run)
    return Told(run.config, curves, summary(run, curves))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. Losses are means per trained token of the held-out conversations, `seconds` are of training,
    with validations and checkpoints; None is what is not known."""

    run: str
    name: str
    status: str
    before: float | None
    best: float | None
    best_step: int | None
    steps: int
    seconds: float | None
    tokens_per_second: float | None
    peak_memory_bytes: int | None

    def as_json(self) -> dict[str, Any]:
        """Under the names that `summary` uses, where it has them."""
        return {
            "run": self.run,
            "name": self.name,
            "status": self.status,
            "validation_loss_before": self.before,
            "validation_loss_best": self.best,
            "best_step": self.best_step,
            "steps": self.steps,
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "tokens_per_second": self.tokens_per_second,
            "peak_memory_bytes": self.peak_memory_bytes,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """`outcomes` are best first where the runs can be `ranked`, else as they were given; `why` says why not, or what to
    bear in mind. `differences`: setting -> its value in each run, in the order of `outcomes`."""

    outcomes: tuple[Outcome, ...]
    differences: dict[str, tuple[Any, ...]]
    ranked: bool
    why: str

    def as_json(self) -> dict[str, Any]:
        """{"runs": [outcome], "differences": {setting: {run: value}}, "ranked", "best", "why"}."""
        ids = [each.run for each in self.outcomes]
        return {
            "runs": [each.as_json() for each in self.outcomes],
            "differences": {name: dict(zip(ids, values, strict=True)) for name, values in self.differences.items()},
            "ranked": self.ranked,
            "best": ids[0] if self.ranked else None,
            "why": self.why,
        }


def compare(runs: Sequence[Told]) -> Comparison:
    """What differs between two or more runs, and which was best for unseen conversations.

    Raises:
        UserError: fewer than two different runs, or more than `MOST`.
    """
    runs = list({each.id: each for each in runs}.values())
    if not 2 <= len(runs) <= MOST:
        given = "one run" if len(runs) == 1 else f"{len(runs)} runs"
        raise UserError(given, f"a comparison takes 2 to {MOST} different ones.", "Choose them from `sidetune runs`.")
    why = _incomparable(runs)
    outcomes = {each.id: _outcome(each) for each in runs}
    if not why:
        runs.sort(key=lambda each: _or_infinite(outcomes[each.id].best))
    ordered = tuple(outcomes[each.id] for each in runs)
    return Comparison(ordered, _differences(runs), not why, why or _caution(runs, ordered))


def losses(told: Told, kind: str) -> list[Point]:
    """The line of a run on the chart of all: "validation", or "training" smoothed over `window` steps."""
    if kind == "validation":
        return [(each["step"], each["loss"]) for each in told.curves.validations()]
    return smoothed(told.curves.points("loss"), max(1, window(told.curves.steps)))


def _incomparable(runs: Sequence[Told]) -> str:
    """Why the validation losses of these runs must not be ranked; "" where they may be."""
    validated = [each for each in runs if any(e["step"] for e in each.curves.validations())]
    if len(validated) < 2:
        return "Fewer than two of them were validated while they trained, so there is nothing to rank them by."
    names = sorted({f"{each.config.dataset} {each.config.version}" for each in validated})
    if len(names) > 1:
        sets = {each.id: _held_out(each) for each in validated}
        gone = sorted({f"{each.config.dataset} {each.config.version}" for each in validated if not sets[each.id]})
        if gone:
            return (
                f"{' and '.join(gone)} cannot be read any more, so it is not known whether they were validated on the "
                "same held-out conversations: no ranking."
            )
        if len(set(sets.values())) > 1:
            return (
                f"They were validated on different held-out conversations ({', '.join(names)}), and one set may be "
                "harder than another: no ranking. Train on versions that hold out the same ones to compare."
            )
    if len(_tokens(validated)) > 1:
        return (
            "Their held-out conversations were not cut into the same tokens (another base model, or another maximum "
            "length), and loss is counted by token: no ranking."
        )
    return ""


def _held_out(told: Told) -> str:
    """What is the same for runs that were validated on the same conversations, whatever their datasets are called; ""
    where nobody can tell any more."""
    recorded = told.newest("data").get("held_out")
    try:
        return recorded or digest(versions.find(f"{told.config.dataset}@{told.config.version}"))
    except UserError:
        return ""


def _tokens(runs: Sequence[Told]) -> set[tuple[Any, ...]]:
    """Into how many tokens these runs cut what is held out; where one, of an earlier release, did not count them, what
    decides on that instead."""
    names = ("validation", "validation_tokens", "validation_trained_tokens")
    counts = {tuple(each.newest("data").get(name) for name in names) for each in runs}
    if all(None not in count for count in counts):
        return counts
    trains = [(each.newest("data").get("validation"), each.config.train) for each in runs]
    return {(used, train.model, train.max_length, train.overlong) for used, train in trains}


def _caution(runs: Sequence[Told], ordered: Sequence[Outcome]) -> str:
    """That the first two are too close to be told apart, where they are."""
    first, second = ordered[0].best, ordered[1].best
    held_out = runs[0].newest("data").get("validation") or 0
    if first is None or second is None or second - first >= margin(held_out):
        return ""
    return (
        f"The first two differ by {second - first:.2f}, and with {held_out:,} held-out conversations differences under "
        f"{margin(held_out):.2f} may be chance."
    )


def _outcome(told: Told) -> Outcome:
    figures, validations = told.figures, told.curves.validations()
    after = [each for each in validations if each["step"]]
    best: dict[str, Any] = min(after, key=itemgetter("loss")) if after else {}
    return Outcome(
        run=told.id,
        name=figures["name"],
        status=figures["status"],
        before=figures["validation_loss_before"],
        best=best.get("loss"),
        best_step=best.get("step"),
        steps=figures["step"],
        seconds=_seconds(told.curves.told),
        tokens_per_second=figures["tokens_per_second"],
        peak_memory_bytes=figures["peak_memory_bytes"],
    )


def _seconds(told: Sequence[dict[str, Any]]) -> float | None:
    """How long its processes trained: from each start to the last that was told before the next launch."""
    total, begun, last = 0.0, None, 0.0
    for event in told:
        if event["kind"] == "launched":
            total, begun = total + (last - begun if begun is not None else 0.0), None
        elif event["kind"] == "started":
            begun = event.get("time", 0.0)
        last = event.get("time", 0.0)
    total += last - begun if begun is not None else 0.0
    return total or None


def _differences(runs: Sequence[Told]) -> dict[str, tuple[Any, ...]]:
    """Dataset, settings and how the base was held, where they are not the same in all runs."""
    asked = [
        {
            "dataset": f"{each.config.dataset} {each.config.version}",
            **each.config.train.model_dump(),
            "precision": each.newest("started").get("dtype"),
            "device": _FREE.sub("", str(each.newest("started").get("device") or "")) or None,
        }
        for each in runs
    ]
    # What is not known of a run that has not begun is no difference.
    known = {name: {str(each[name]) for each in asked if each[name] is not None} for name in asked[0]}
    names = [name for name, values in known.items() if len(values) > 1]
    return {name: tuple(each[name] for each in asked) for name in names}


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value
