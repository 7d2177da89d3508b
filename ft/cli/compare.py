"""sidetune compare."""

from __future__ import annotations

import argparse

from ft.cli.output import print_json, say, table
from ft.figures import duration, memory
from ft.runs import compare as comparing
from ft.runs import directory, names
from ft.runs.reader import Reader


def compare(args: argparse.Namespace) -> int:
    """Two or more runs beside each other, the best first where they can be ranked."""
    reader = Reader()
    found = comparing.compare([comparing.told(directory.find(each), reader) for each in args.runs])
    if args.json:
        print_json(found.as_json())
        return 0
    titles = ("run", "name", "status", "before", "best", "at step", "steps", "time", "tokens/s", "peak memory")
    rows = [
        (
            *(each.run, each.name, each.status, each.before, each.best, each.best_step, each.steps),
            None if each.seconds is None else duration(each.seconds),
            None if each.tokens_per_second is None else round(each.tokens_per_second),
            None if each.peak_memory_bytes is None else memory(each.peak_memory_bytes),
        )
        for each in found.outcomes
    ]
    say(table(titles, rows))
    say(f"\n{found.why}" if found.why else "\nThe best for unseen conversations comes first (validation loss).")
    if found.differences:
        say("\nWhat differs:")
        runs = names.labels({each.run: each.name for each in found.outcomes}).values()
        values = zip(*found.differences.values(), strict=True)
        say(
            table(("run", *found.differences), [(run, *map(str, each)) for run, each in zip(runs, values, strict=True)])
        )
    else:
        say("\nThey were asked to do the same.")
    return 0
