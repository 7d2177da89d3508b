"""The rows that a loss chart draws."""

from __future__ import annotations

from typing import Any

from ft.runs import events


def curves(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """{"step", "loss", "kind": "training" | "validation"} from a run's events; of a resumed run, what still stands."""
    names = {"step": "training", "validation": "validation"}
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for event in events.standing(found):
        if event["kind"] in names and event.get("loss") is not None:
            kind, step = names[event["kind"]], int(event["step"])
            rows[kind, step] = {"step": step, "loss": event["loss"], "kind": kind}
    return sorted(rows.values(), key=_order)


def _order(row: dict[str, Any]) -> tuple[str, int]:
    return row["kind"], row["step"]
