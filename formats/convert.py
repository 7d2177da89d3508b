"""A file -> its conversations and its problems: the whole package in one function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from formats import alpaca, messages, sharegpt
from formats.containers import records
from formats.conversation import Conversation, Origin
from formats.detect import Detection, detect, format_of
from formats.problems import RowProblem
from formats.repair import problem_in

FORMATS = ("sharegpt", "alpaca", "messages")
LOOKED_AT = 100
_READERS: dict[str, Callable[[object, Origin], Conversation | RowProblem]] = {
    "sharegpt": sharegpt.read,
    "alpaca": alpaca.read,
    "messages": messages.read,
}


def describe(path: Path, format: str = "auto") -> Detection:
    """Which format the file is in, from its first 100 records; a `format` other than "auto" is taken as it is."""
    if format != "auto":
        return Detection(format, 1.0, "chosen by you")
    found = [item[1] for item in islice(records(path), LOOKED_AT) if not isinstance(item, RowProblem)]
    return detect(found)


def convert(path: Path, *, name: str | None = None, format: str = "auto") -> Iterator[Conversation | RowProblem]:
    """Each record of the file as a Conversation or a RowProblem, in order; a file that cannot be read (any further) is
    one RowProblem with record 0. `name` is what the file is called in them; `format` is one of FORMATS, or "auto".

    Raises:
        ValueError: `format` is neither.
    """
    if format != "auto" and format not in FORMATS:
        raise ValueError(f"format {format!r}: use auto or one of {', '.join(FORMATS)}")
    name = name or path.name
    usual = describe(path, format).format
    for item in records(path, name):
        if isinstance(item, RowProblem):
            yield item
            continue
        number, record = item
        yield _convert_one(record, Origin(name, number), usual, format == "auto")


def _convert_one(record: object, origin: Origin, usual: str, detected: bool) -> Conversation | RowProblem:
    chosen, why = usual, ""
    if detected:
        own, why = format_of(record)
        chosen = own
    if not chosen:
        return problem_in(
            origin,
            None,
            None,
            "unknown_format",
            f"it is no chat in a known format: {why}.",
            "Give each record conversations (ShareGPT), instruction and output (Alpaca) or messages (OpenAI).",
            record,
        )
    try:
        return _READERS[chosen](record, origin)
    except RecursionError:
        problem, fix = "it is nested too deeply to be a chat.", "Flatten the record, or leave it out."
        return problem_in(origin, None, None, "too_deep", problem, fix, record)
