"""What the fields of an event may hold: whatever a damaged line says, who reads events meets only these types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LARGEST = 2**53  # the largest whole number that a browser knows from its neighbor
_COUNTS = (
    *("before", "was", "gradient_accumulation"),
    *("train", "validation", "tokens", "trained_tokens", "longest", "cut", "dropped", "no_trained"),
    *("validation_tokens", "validation_trained_tokens"),
    *("step", "steps", "parameters", "trainable", "batch", "batches"),
)
_FIGURES = (
    *("epoch", "loss", "learning_rate", "grad_norm", "tokens_per_second", "seconds_left", "token_accuracy"),
    *("memory_bytes", "peak_memory_bytes", "best_step", "resumed_from"),
)
_TEXTS = ("what", "behind", "device", "dtype", "given", "why", "todo", "reason", "checkpoint", "held_out")
_FLAGS = ("kept", "prepared", "best", "now")
_NEEDED = {"step": "step", "validation": "step", "checkpoint": "step", "smaller_batch": "batch_size"}


def usable(event: object) -> dict[str, Any] | None:
    """`event` with fields of the types that they are written with; None where it is no event at all.

    A field that holds something else is left out, and a figure becomes null, as one that was not a number does. Fields
    of other releases stay as they are. A time that cannot be read is 0.
    """
    if not isinstance(event, dict) or not isinstance(kind := event.get("kind"), str):
        return None
    clean: dict[str, Any] = {"time": _figure(event.get("time")) or 0.0, "kind": _text(kind)}
    for name, value in event.items():
        read = _READERS.get(name)
        if name in clean:
            continue
        if read is None:
            clean[name] = value
        elif (found := read(value)) is not None or name in _FIGURES:
            clean[name] = found
    return clean if _NEEDED.get(kind, "kind") in clean else None


def _figure(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not -LARGEST <= value <= LARGEST:
        return None
    return value


def _count(value: object) -> int | None:
    number = _figure(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None


def _size(value: object) -> int | None:
    return _count(value) or None


def _text(value: object) -> str | None:
    # Half of a character (a lone surrogate) can be sent to no page.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _names(value: object) -> list[str] | None:
    return [name for name in map(_text, value) if name is not None] if isinstance(value, list) else None


def _replies(value: object) -> list[dict[str, str]] | None:
    """[{"question", "reply"}], without what is none."""
    if not isinstance(value, list):
        return None
    pairs = [(_text(each.get("question")), _text(each.get("reply"))) for each in value if isinstance(each, dict)]
    return [{"question": asked, "reply": reply} for asked, reply in pairs if asked is not None and reply is not None]


_READERS: dict[str, Callable[[object], Any]] = {
    **dict.fromkeys(_COUNTS, _count),
    **dict.fromkeys(_FIGURES, _figure),
    **dict.fromkeys(("best_step", "resumed_from", "memory_bytes", "peak_memory_bytes"), _count),
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_FLAGS, _flag),
    "batch_size": _size,
    **dict.fromkeys(("devices", "remarks"), _names),
    "replies": _replies,
}
