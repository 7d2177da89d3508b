"""What differs between two versions of a dataset: which conversations came, went or changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from ft.dataset import parquet


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows (0: the first) of the `new` file that came, of the `old` that went, and pairs (old, new) that changed.

    A conversation is the same one where it came from the same record; `moved` counts those that changed only their side
    of the split, and `same` those that did not change at all.
    """

    came: tuple[int, ...]
    went: tuple[int, ...]
    changed: tuple[tuple[int, int], ...]
    moved: int
    same: int


def compare(old: Path, new: Path) -> Difference:
    """What differs between two files of conversations, in flat time: texts are not read, their fingerprints are."""
    before, after = _rows(old), _rows(new)
    changed, moved, same = [], 0, 0
    for key, (row, exact, side) in after.items():
        if key not in before:
            continue
        old_row, old_exact, old_side = before[key]
        if exact != old_exact:
            changed.append((old_row, row))
        elif side != old_side:
            moved += 1
        else:
            same += 1
    came = tuple(row for key, (row, _, _) in after.items() if key not in before)
    went = tuple(row for key, (row, _, _) in before.items() if key not in after)
    return Difference(came, went, tuple(changed), moved, same)


def places(old: Path, new: Path) -> dict[int, int]:
    """Where each conversation of the `old` file that is still there, changed or not, stands in the `new` one."""
    before, after = _rows(old), _rows(new)
    return {row: after[key][0] for key, (row, _, _) in before.items() if key in after}


def _rows(path: Path) -> dict[tuple[str, int, int], tuple[int, int, str]]:
    """(file, record, which of several from that record) -> (row, what it holds, its side)."""
    rows = parquet.index(path)
    origins = rows["origin"]
    columns = (pc.struct_field(origins, "file"), pc.struct_field(origins, "record"), rows["exact"], rows["split"])
    seen: Counter[tuple[str, int]] = Counter()
    found = {}
    for row, (file, record, exact, side) in enumerate(zip(*(each.to_pylist() for each in columns), strict=True)):
        found[file, record, seen[file, record]] = (row, exact, side)
        seen[file, record] += 1
    return found
