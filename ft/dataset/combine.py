"""Several datasets -> one: each whole, a part of it by weight, or at most so many conversations of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from formats.texts import placeholders
from ft.dataset import parquet
from ft.dataset.heed import heeded
from ft.dataset.staging import Staged, new_folder, write_json
from ft.dataset.table import SCHEMA
from ft.dataset.versions import Version, find
from ft.errors import UserError

_MOST = 100  # parts


@dataclass(frozen=True, slots=True)
class Part:
    """A dataset and how much of it: `weight` 0.5 takes half of what there is to train on, 2 takes it twice.

    `cap` is the most conversations that are taken, of both sides together (None: no limit). What is held out is never
    repeated.
    """

    version: Version
    weight: float = 1.0
    cap: int | None = None


def combine(parts: Sequence[Part], heed: Callable[[], None] | None = None) -> Staged:
    """One dataset from all `parts`, ready to be looked at and saved. The same parts always give the same conversations.

    An opening that is held out in any of them is held out in the whole. The report is that of `ft.dataset.build.stage`:
    `read` counts the conversations of all parts, `left_out` those that weights and caps leave out, `repeated` those
    that weights repeat, so that read + repeated = kept + left_out. What `heed` raises, called again and again, ends it.

    Raises:
        UserError: fewer than one part, a weight or cap that cannot be, nothing left, a damaged part, a full disk.
    """
    _check(parts)
    with new_folder("combine datasets") as folder:
        indices = [parquet.index(part.version.conversations_path) for part in parts]
        held_out = _held_out(indices)
        counts = []
        (folder / "rejected.jsonl").touch()
        with parquet.ConversationWriter(folder / parquet.FILE_NAME) as writer:
            for part, rows in zip(parts, indices, strict=True):
                times = _times(part, rows)
                counts.append((len(times), sum(times), sum(n == 0 for n in times)))
                _copy(part.version, times, held_out, writer, heed)
        report = _report(folder, parts, counts)
        write_json(folder / "report.json", report)
        write_json(folder / "source.json", _source(parts, held_out))
        return Staged(folder, report)


def part(word: str) -> Part:
    """What "chats", "chats:0.5", "chats@v2:max=100" names.

    Raises:
        UserError: there is no such dataset, or what follows it is neither a weight nor a limit.
    """
    name, *rest = word.split(":")
    weight, cap = 1.0, None
    for each in rest:
        try:
            if each.startswith("max="):
                cap = int(each.removeprefix("max="))
            else:
                weight = float(each)
        except ValueError as error:
            todo = "Write NAME:0.5 for half of it, or NAME:max=100 for at most 100 conversations."
            raise UserError(word, f"{each!r} is neither a weight nor a limit.", todo) from error
    return Part(find(name), weight, cap)


def _check(parts: Sequence[Part]) -> None:
    if not parts:
        raise UserError("no dataset", "there is nothing to combine.", "Name one dataset or more.")
    if len(parts) > _MOST:
        raise UserError(
            f"{len(parts):,} parts", f"at most {_MOST} can be combined at once.", "Combine some of them first."
        )
    for part in parts:
        if not 0 <= part.weight <= 100:
            raise UserError(f"the weight {part.weight:g}", "it is not from 0 to 100.", "Use 0.5 for half, 2 for twice.")
        if part.cap is not None and part.cap < 0:
            raise UserError(f"the cap {part.cap}", "it is below 0.", "Use the most conversations to take.")


def _held_out(indices: Sequence[pa.Table]) -> pa.Array:
    places = [rows.filter(pc.equal(rows["split"], "validation"))["position"] for rows in indices]
    return pc.unique(pa.chunked_array([chunk for each in places for chunk in each.chunks], pa.float64()))


def _times(part: Part, rows: pa.Table) -> list[int]:
    """How often each conversation of the part is taken. Which ones are left out is by the hash of what they hold."""
    sides, exact = rows["split"].to_pylist(), rows["exact"].to_pylist()
    ordered = sorted(range(len(sides)), key=lambda row: _draw(exact[row], row))
    held_out = [row for row in ordered if sides[row] == "validation"]
    train = [row for row in ordered if sides[row] == "train"]
    wanted = part.weight * len(sides)
    if part.cap is not None:
        wanted = min(wanted, part.cap)
    share = wanted / max(1, len(sides))
    of_held_out = round(min(share, 1) * len(held_out))
    of_train = round(wanted) - of_held_out if share <= 1 else round(share * len(train))
    if part.cap is not None:
        of_train = min(of_train, part.cap - of_held_out)
    times = [0] * len(sides)
    for row in held_out[:of_held_out]:
        times[row] = 1
    whole, more = divmod(max(0, of_train), max(1, len(train)))
    for place, row in enumerate(train):
        times[row] = whole + (place < more)
    return times


def _draw(exact: int, row: int) -> bytes:
    return hashlib.blake2b(f"{exact} {row}".encode(), digest_size=8).digest()


def _copy(
    version: Version,
    times: list[int],
    held_out: pa.Array,
    writer: parquet.ConversationWriter,
    heed: Callable[[], None] | None,
) -> None:
    first = 0
    split, origin = SCHEMA.get_field_index("split"), SCHEMA.get_field_index("origin")
    for part in heeded(parquet.tables(version.conversations_path), heed):
        taken = [row for row in range(part.num_rows) for _ in range(times[first + row])]
        first += part.num_rows
        rows = part.take(pa.array(taken, pa.int64()))
        origins = rows["origin"].combine_chunks()
        names = pc.binary_join_element_wise(f"{version.name}/", pc.struct_field(origins, "file"), "")
        made = pa.StructArray.from_arrays([names, pc.struct_field(origins, "record")], fields=list(origins.type))
        sides = pc.if_else(pc.is_in(rows["position"], value_set=held_out), "validation", "train")
        rows = rows.set_column(split, SCHEMA.field(split), sides)
        writer.add_table(rows.set_column(origin, SCHEMA.field(origin), made))


def _report(folder: Path, parts: Sequence[Part], counts: list[tuple[int, int, int]]) -> dict[str, Any]:
    rows = parquet.index(folder / parquet.FILE_NAME)
    if not rows.num_rows:
        raise UserError("these weights and caps", "they leave no conversation.", "Raise a weight or a cap.")
    repaired: dict[str, int] = {}
    for each in pc.value_counts(pc.list_flatten(rows["repairs"].combine_chunks())).to_pylist():
        repaired[each["values"]] = each["counts"]
    left: Counter[str] = Counter()
    with_placeholders = 0
    if any(part.version.report.get("placeholders") for part in parts):
        for conversation in parquet.read(folder / parquet.FILE_NAME):
            names = {name for message in conversation.messages for name in placeholders(message.content)}
            left.update(names)
            with_placeholders += bool(names)
    return {
        "dataset": "",
        "version": "",
        "format": "combined",
        "formats": {f"{part.version.name}@{part.version.version}": "combined" for part in parts},
        "read": sum(read for read, _, _ in counts),
        "kept": rows.num_rows,
        "repaired": repaired,
        "placeholders": dict(left.most_common()),
        "with_placeholders": with_placeholders,
        "rejected": {},
        "duplicates": rows.num_rows - pc.count_distinct(rows["fingerprint"]).as_py(),
        "splits": parquet.side_counts(folder / parquet.FILE_NAME),
        "problems": [],
        "files": [
            {
                "name": f"{part.version.name}@{part.version.version}",
                "format": "combined",
                "reason": f"weight {part.weight:g}" + (f", at most {part.cap:,}" if part.cap is not None else ""),
                "read": read,
                "kept": kept,
            }
            for part, (read, kept, _) in zip(parts, counts, strict=True)
        ],
        "left_out": sum(out for _, _, out in counts),
        "repeated": sum(kept - (read - out) for read, kept, out in counts),
    }


def _source(parts: Sequence[Part], held_out: pa.Array) -> dict[str, Any]:
    sources = [part.version.source for part in parts]
    boundary = max(source["boundary"] for source in sources)
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="microseconds"),
        "files": [dict(file) for source in sources for file in source["files"]],
        "format": "combined",
        "combined": [
            {"dataset": part.version.name, "version": part.version.version, "weight": part.weight, "cap": part.cap}
            for part in parts
        ],
        "validation_fraction": max(source["validation_fraction"] for source in sources),
        "boundary": boundary,
        "held_out": sorted(place for place in held_out.to_pylist() if place >= boundary),
    }
