"""Which conversations of a dataset a person wants to see: found by what is known of all of them, and by their text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ft.dataset import parquet

ORDERS = ("file", "longest", "shortest")


@dataclass(frozen=True, slots=True)
class Filter:
    """What must hold of a conversation; what is left at its default does not matter.

    `text`: stands in a turn, whatever its case. `side`: "train" or "validation". `file`: the origin's. `repair`: the
    code of a repair that was made, or "any". `rows`: only these (0: the first). `order`: one of ORDERS.
    """

    text: str = ""
    side: str = ""
    file: str = ""
    tools: bool = False
    repair: str = ""
    untrained: bool = False
    at_least: int = 0  # characters
    at_most: int = 0  # characters; 0: no limit
    rows: tuple[int, ...] | None = None
    order: str = "file"


def find(path: Path, wanted: Filter) -> list[int]:
    """The rows (0: the first) of the Parquet file at `path` that pass, in the order asked for."""
    rows = parquet.index(path)
    keep = pa.chunked_array([pa.array([True] * rows.num_rows, pa.bool_())])
    if wanted.side:
        keep = pc.and_(keep, pc.equal(rows["split"], wanted.side))
    if wanted.file:
        keep = pc.and_(keep, pc.equal(pc.struct_field(rows["origin"], "file"), wanted.file))
    if wanted.tools:
        keep = pc.and_(keep, rows["has_tools"])
    if wanted.repair:
        keep = pc.and_(keep, _repaired(rows["repairs"], wanted.repair))
    if wanted.at_least:
        keep = pc.and_(keep, pc.greater_equal(rows["characters"], wanted.at_least))
    if wanted.at_most:
        keep = pc.and_(keep, pc.less_equal(rows["characters"], wanted.at_most))
    found = pc.indices_nonzero(keep)
    if wanted.rows is not None:
        found = found.filter(pc.is_in(found, value_set=pa.array(wanted.rows, found.type)))
    if wanted.text or wanted.untrained:
        found = found.filter(pc.is_in(found, value_set=_in_turns(path, wanted)))
    if wanted.order != "file":
        order = "descending" if wanted.order == "longest" else "ascending"
        lengths = pa.table({"row": found, "characters": rows["characters"].take(found)})
        found = lengths.sort_by([("characters", order), ("row", "ascending")])["row"]
    numbers: list[int] = found.to_pylist()
    return numbers


def find_exact(path: Path, exact: int, near: int) -> int | None:
    """The row nearest to `near` whose conversation is, to the letter, the one with that hash (`fingerprint.exact`)."""
    rows: list[int] = pc.indices_nonzero(
        pc.equal(parquet.index(path)["exact"], pa.scalar(exact, pa.uint64()))
    ).to_pylist()
    return min(rows, key=lambda row: abs(row - near), default=None)


def files(path: Path) -> list[str]:
    """The files that its conversations came from, in the order in which they come.

    Raises:
        UserError: the file is damaged.
    """
    names: dict[str, None] = {}
    for part in parquet.groups(path, ["origin"]):
        names |= dict.fromkeys(pc.unique(pc.struct_field(part["origin"], "file")).to_pylist())
    return list(names)


def _repaired(repairs: pa.ChunkedArray, code: str) -> pa.ChunkedArray:
    counts = pc.list_value_length(repairs)
    if code == "any":
        return pc.greater(counts, 0)
    repairs = repairs.combine_chunks()
    parents, codes = pc.list_parent_indices(repairs), pc.list_flatten(repairs)
    having = pc.unique(parents.filter(pc.equal(codes, code)))
    return pa.chunked_array([pc.is_in(pa.array(range(len(repairs)), having.type), value_set=having)])


def _in_turns(path: Path, wanted: Filter) -> pa.Array:
    """The rows with a turn that has the text in it, and with an assistant turn that is not trained on."""
    parts = ["content"] * bool(wanted.text) + ["role", "train"] * wanted.untrained
    # Not the letters' case in match_substring: it knows that of ASCII alone.
    text = pc.utf8_lower(pa.scalar(wanted.text)).as_py()
    found, first = [], 0
    with parquet.opened(path) as file:
        name = next(each.path.rpartition(".")[0] for each in file.schema if each.path.endswith(".content"))
        for batch in file.iter_batches(batch_size=4000, columns=[f"{name}.{part}" for part in parts]):
            lists = batch.column("messages")
            turns, parents = lists.flatten(), pc.list_parent_indices(lists)
            keep = pc.unique(parents)
            if wanted.text:
                keep = pc.unique(parents.filter(pc.match_substring(pc.utf8_lower(_field(turns, "content")), text)))
            if wanted.untrained:
                mute = pc.and_not(pc.equal(_field(turns, "role"), "assistant"), _field(turns, "train"))
                keep = keep.filter(pc.is_in(keep, value_set=pc.unique(parents.filter(mute))))
            found += [row + first for row in keep.to_pylist()]
            first += batch.num_rows
    return pa.array(found, pa.uint64())


def _field(turns: pa.StructArray, name: str) -> pa.Array:
    return turns.flatten()[turns.type.get_field_index(name)]
