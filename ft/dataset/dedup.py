"""Duplicates of a saved dataset removed, and told in one document: what the command line and the API give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow.compute as pc

from ft.dataset import edit, near, parquet
from ft.dataset.heed import heeded
from ft.dataset.near import THRESHOLD
from ft.dataset.versions import Version
from ft.errors import UserError


def dedup(
    version: Version,
    *,
    near_too: bool = False,
    threshold: float = THRESHOLD,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
    heed: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Remove all but the first of each group of duplicates, as a new version; with `dry_run` only tell them.

    Gives {"dataset", "version", "removed", "kept", "on_both_sides": groups on both sides of the split, "groups":
    [{"rows": numbers from 1, "kind": "same" | "near", "similarity"}]}.

    What `heed` raises, called for each conversation, ends it.

    Raises:
        UserError: the threshold is not over 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise UserError(f"the threshold {threshold:g}", "it is not over 0 and at most 1.", "Use for example 0.8.")
    found = near.groups(
        heeded(version.conversations(), heed), threshold=threshold if near_too else None, progress=progress
    )
    held_out = pc.equal(parquet.index(version.conversations_path)["split"], "validation").to_pylist()
    before, after = version.count(), version
    if found and not dry_run:
        made = edit.apply(version, near.removal(found))
        assert isinstance(made, Version)
        after = made
    return {
        "dataset": after.name,
        "version": after.version,
        "removed": before - after.count(),
        "kept": after.count(),
        "on_both_sides": len(near.across(found, held_out.__getitem__)),
        "groups": [
            {"rows": [row + 1 for row in group.rows], "kind": group.kind, "similarity": group.similarity}
            for group in found
        ],
    }
