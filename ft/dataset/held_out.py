"""What was held out once stays held out in every later version, also where the boundary has moved since."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ft.dataset import parquet
from ft.dataset.versions import Version


def earlier(versions: Iterable[Version], boundary: float) -> set[float]:
    """Positions (see `ft.dataset.split`) at or above `boundary` of openings held out in any of `versions`."""
    found: set[float] = set()
    for version in versions:
        source = version.source
        found |= {place for place in source["held_out"] if place >= boundary}
        if source["boundary"] > boundary:
            found |= {place for place in _held_out(version.path / parquet.FILE_NAME) if place >= boundary}
    return found


def _held_out(path: Path) -> list[float]:
    rows = parquet.index(path)
    places: list[float] = rows.filter(pc.equal(rows["split"], "validation"))["position"].to_pylist()
    return places


def digest(version: Version) -> str:
    """Which conversations `version` holds out, and in which order: the same 32 characters for another version, of any
    name, exactly where these are the same to the letter.

    Raises:
        UserError: the file of conversations is damaged.
    """
    rows = parquet.index(version.conversations_path)
    prints = rows.filter(pc.equal(rows["split"], "validation"))["exact"].to_numpy()
    return xxhash.xxh3_128_hexdigest(prints.tobytes())


def below(boundary: float, rows: pa.Table) -> pa.ChunkedArray:
    """Which of the rows have an opening that lies below `boundary`."""
    return pc.less(rows["position"], boundary)


def apply(path: Path, held_out: set[float]) -> None:
    """Move the conversations of the Parquet file at `path` with openings at these positions to the validation side.

    Does nothing where that would leave none to train on.

    Raises:
        OSError: the disk is full; the file is as it was.
    """
    places = pa.array(sorted(held_out), pa.float64())

    def decide(rows: pa.Table) -> pa.ChunkedArray:
        return pc.or_(pc.equal(rows["split"], "validation"), pc.is_in(rows["position"], value_set=places))

    rows = parquet.index(path)
    held = decide(rows)
    moved = pc.and_(held, pc.equal(rows["split"], "train"))
    if pc.any(moved).as_py() and not pc.all(held).as_py():
        parquet.resplit(path, decide)
