"""sidetune trial: two real steps, to know what a run takes before it is started."""

from __future__ import annotations

import argparse

from ft.cli.output import note, print_json, say
from ft.cli.runs import config_of
from ft.dataset import versions
from ft.train import preflight
from ft.train.trial import as_json, trial
from ft.train.trial_words import report


def try_out(args: argparse.Namespace) -> int:
    """Measure memory and speed; exit status 1 where nothing that was tried fits."""
    version = versions.find(args.name)
    config = config_of(args)
    counts = preflight.check(version, config, note)
    found = trial(version, config, note)
    if args.json:
        print_json(as_json(found, counts, args.price))
    else:
        say("\n".join([*report(found, counts, args.price), *counts.remarks]))
        changed = " ".join(f"--set {name}={value}" for name, value in found.changes.items())
        if changed:
            say(f"\nNext: sidetune train {args.name} {changed}")
    return 0 if found.fitting else 1
