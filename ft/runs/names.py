"""What people call a run. Its id stays what paths and commands use.

A name is a person's own text: one line of at most `LONGEST` characters, without what steers a terminal or turns the
direction of the text around it. Two runs may have the same one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from ft.errors import UserError

LONGEST = 60  # characters
_ID = re.compile(r"\d{8}-\d{6}-(?P<dataset>.+)-(?P<mark>[0-9a-f]{4})")
# Marks that set the direction of the text behind them, for whatever is written there.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """`text` as one line, without control characters, marks of direction and halves of characters."""
    line = " ".join(text.split())
    kept = (each for each in line if each not in _DIRECTION and unicodedata.category(each) not in ("Cc", "Cs", "Co"))
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())


def checked(text: str) -> str:
    """`text` as a name.

    Raises:
        UserError: nothing of it is left, or it is too long.
    """
    name = clean(text)
    if not name:
        raise UserError("the name of the run", "it is empty.", "Give it a name, for example: shorter replies.")
    if len(name) > LONGEST:
        raise UserError(
            f"the name {name[:40]!r} ...", f"it has {len(name):,} characters.", f"Give at most {LONGEST} of them."
        )
    return name


def of_id(run_id: str) -> str:
    """The name of a run that was given none, from its id: "sample 097d" of "20261128-141708-sample-097d"."""
    found = _ID.fullmatch(run_id)
    return f"{found['dataset']} {found['mark']}" if found else run_id


def dataset_in(run_id: str) -> str:
    """The dataset's name as the id of a run has it; "" where the id is of another form."""
    found = _ID.fullmatch(run_id)
    return found["dataset"] if found else ""


def next_name(dataset: str, on_it: int, names: Iterable[str]) -> str:
    """ "persona 3" for the next run on dataset "persona", where `on_it` runs and those `names` are there: a number that
    none of them has, nor had while they were counted."""
    short = dataset[: LONGEST - 12]
    found = (name.removeprefix(f"{short} ") for name in names if name.startswith(f"{short} "))
    numbers = [int(number) for number in found if re.fullmatch("[1-9][0-9]{0,8}", number)]
    return f"{short} {max([on_it, *numbers]) + 1}"


def labels(names: Mapping[str, str]) -> dict[str, str]:
    """What to call each run (id -> name) where one is chosen among them: with its id, where another has its name."""
    often = Counter(names.values())
    return {run_id: name if often[name] == 1 else f"{name} ({run_id})" for run_id, name in names.items()}
