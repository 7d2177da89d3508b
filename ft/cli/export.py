"""sidetune export-adapter."""

from __future__ import annotations

import argparse
from pathlib import Path

from ft.cli.output import print_json, say
from ft.export.adapter import export_adapter as export
from ft.figures import memory
from ft.runs import directory


def export_adapter(args: argparse.Namespace) -> int:
    """Write the adapter of a run, with its card, to a zip file."""
    run = directory.find(args.run)
    done = export(run, Path(args.to).expanduser())
    found = done.as_json(run)
    if args.json:
        print_json(found)
        return 0
    say(f"Wrote the adapter of {run.title} to {done.path} ({memory(found['bytes'])}).")
    say(f"It is for the base model {done.base.name}. {done.base.note}".strip())
    say("README.md in it says how to load it.")
    return 0
